import { Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { asText, type Difference } from "./differences";

export function DiffTable({ rows }: { rows: Difference[] }) {
  const { t } = useTranslation();
  if (rows.length === 0) return <Text c="dimmed">{t("diff.same")}</Text>;
  return (
    <Table className="diff" layout="fixed">
      <Table.Thead>
        <Table.Tr>
          <Table.Th w="34%">{t("diff.field")}</Table.Th>
          <Table.Th>{t("diff.before")}</Table.Th>
          <Table.Th>{t("diff.after")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((row) => (
          <Table.Tr key={row.path}>
            <Table.Th scope="row">{row.path}</Table.Th>
            <Table.Td>{row.before === undefined ? "–" : <del>{asText(row.before)}</del>}</Table.Td>
            <Table.Td>{row.after === undefined ? "–" : <ins>{asText(row.after)}</ins>}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
