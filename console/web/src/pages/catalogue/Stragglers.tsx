import { Paper, Table, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { useStragglers } from "../../api/hub";
import { Heads } from "../../ui/Heads";
import { Failure } from "../../ui/states";
import { When } from "../../ui/When";

/** Who still gets a version that ends or has a successor; nothing while nobody does. */
export function Stragglers() {
  const { t } = useTranslation();
  const { data, error } = useStragglers();
  if (error) return <Failure error={error} />;
  if (!data?.length) return null;
  return (
    <>
      <Title order={2} mt="md" mb="xs">
        {t("stragglers.title")}
      </Title>
      <Paper withBorder>
        <Table verticalSpacing={4} aria-label={t("stragglers.title")}>
          <Heads
            of="stragglers"
            names={["fact", "instead", "ends", "subscriber", "door", "pattern", "last"]}
          />
          <Table.Tbody>
            {data.map((one) => (
              <Table.Tr key={`${one.type} ${one.endpoint_id ?? one.subscriber}`}>
                <Table.Th scope="row">
                  <code>{one.type}</code>
                </Table.Th>
                <Table.Td>
                  <code>{one.instead}</code>
                </Table.Td>
                <Table.Td>{one.ends ?? t("stragglers.noEnd")}</Table.Td>
                <Table.Td>{one.subscriber}</Table.Td>
                <Table.Td>
                  {one.endpoint_id ? (
                    <Link to="/webhooks/$id" params={{ id: one.endpoint_id }} className="plain">
                      {one.url}
                    </Link>
                  ) : (
                    t("stragglers.feed")
                  )}
                </Table.Td>
                <Table.Td>{one.pattern ?? t("webhooks.everything")}</Table.Td>
                <Table.Td>
                  <When at={one.last_at} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Paper>
    </>
  );
}
