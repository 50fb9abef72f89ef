import { Badge, Button, Paper, Table, Text } from "@mantine/core";
import { IconCircleCheck, IconPlayerPause, IconPlus } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useEndpoints, type Endpoint, type NewSecret } from "../../api/hub";
import { Asked } from "../../ui/Asked";
import { Heads } from "../../ui/Heads";
import { PageHead } from "../../ui/PageHead";
import { When } from "../../ui/When";
import { NewEndpointDialog } from "./NewEndpointDialog";
import { SecretDialog } from "./SecretDialog";

export function EndpointState({ endpoint }: { endpoint: Endpoint }) {
  const { t } = useTranslation();
  const on = endpoint.status === "enabled";
  const Sign = on ? IconCircleCheck : IconPlayerPause;
  return (
    <Badge
      variant="light"
      tt="none"
      color={!on ? "red" : endpoint.failing_since ? "orange" : "teal"}
      leftSection={<Sign size={14} aria-hidden />}
    >
      {t(on && endpoint.failing_since ? "webhooks.failing" : `webhooks.${endpoint.status}`)}
    </Badge>
  );
}

export default function WebhooksPage() {
  const { t } = useTranslation();
  const endpoints = useEndpoints();
  const [making, setMaking] = useState(false);
  const [secret, setSecret] = useState<NewSecret | null>(null);
  return (
    <>
      <PageHead title={t("nav.webhooks")} about={t("webhooks.about")}>
        <Button
          size="xs"
          leftSection={<IconPlus size={15} aria-hidden />}
          onClick={() => setMaking(true)}
        >
          {t("webhooks.new")}
        </Button>
      </PageHead>
      <Asked answer={endpoints} none={{ title: t("webhooks.none"), text: t("webhooks.noneText") }}>
        {(all) => (
          <Paper withBorder>
            <Table.ScrollContainer minWidth={860}>
              <Table verticalSpacing="xs" aria-label={t("nav.webhooks")}>
                <Heads
                  of="webhooks"
                  names={["url", "subscriber", "status", "filter", "pending", "oldest"]}
                  figures={["pending"]}
                />
                <Table.Tbody>
                  {all.map((endpoint) => (
                    <Table.Tr key={endpoint.id}>
                      <Table.Th scope="row">
                        <Link to="/webhooks/$id" params={{ id: endpoint.id }} className="plain">
                          {endpoint.url}
                        </Link>
                        <Text size="xs" c="dimmed" fw={400}>
                          {endpoint.description}
                        </Text>
                      </Table.Th>
                      <Table.Td>{endpoint.subscriber}</Table.Td>
                      <Table.Td>
                        <EndpointState endpoint={endpoint} />
                      </Table.Td>
                      <Table.Td>{filterWords(endpoint) || t("webhooks.everything")}</Table.Td>
                      <Table.Td ta="right" className="figure">
                        {endpoint.backlog.pending}
                      </Table.Td>
                      <Table.Td>
                        <When at={endpoint.backlog.oldest_at} />
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          </Paper>
        )}
      </Asked>
      <NewEndpointDialog
        opened={making}
        onClose={() => setMaking(false)}
        onMade={(made) => setSecret(made)}
      />
      <SecretDialog secret={secret} onClose={() => setSecret(null)} />
    </>
  );
}

function filterWords({ filter }: Endpoint): string {
  const least = filter.amount_at_least;
  return [
    ...filter.types,
    ...filter.stages,
    ...filter.owners,
    ...(least ? [`≥ ${least.amount} ${least.currency}`] : []),
  ].join(", ");
}
