import { Table } from "@mantine/core";
import { useTranslation } from "react-i18next";

/** A table's head: `names` are keys under `of`; figures are set to the right. */
export function Heads({
  of,
  names,
  figures = [],
}: {
  of: string;
  names: string[];
  figures?: string[];
}) {
  const { t } = useTranslation();
  return (
    <Table.Thead>
      <Table.Tr>
        {names.map((name) => (
          <Table.Th key={name} scope="col" ta={figures.includes(name) ? "right" : undefined}>
            {t(`${of}.${name}`)}
          </Table.Th>
        ))}
      </Table.Tr>
    </Table.Thead>
  );
}
