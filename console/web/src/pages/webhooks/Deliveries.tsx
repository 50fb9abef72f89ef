import { Badge, Button, Group, Paper, SegmentedControl, Table, Text, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useDeliveries, useHub, type DeliveryState } from "../../api/hub";
import { Failure } from "../../ui/states";
import { Asked } from "../../ui/Asked";
import { Heads } from "../../ui/Heads";
import { When } from "../../ui/When";
import { factWords } from "../../ui/words";
import { DeliveryDrawer } from "./DeliveryDrawer";

const COLORS: Record<DeliveryState, string> = {
  pending: "harbour",
  delivered: "teal",
  given_up: "red",
  dropped: "gray",
};

export function Deliveries({ endpointId }: { endpointId: string }) {
  const { t } = useTranslation();
  const [state, setState] = useState("");
  const [shown, setShown] = useState<string | null>(null);
  const deliveries = useDeliveries(endpointId, state || null);
  const hub = useHub();
  const answer = { ...deliveries, data: deliveries.data?.pages.flatMap((page) => page.items) };
  return (
    <>
      <Group justify="space-between" mb="xs">
        <Title order={2}>{t("deliveries.title")}</Title>
        <SegmentedControl
          size="xs"
          aria-label={t("deliveries.state")}
          value={state}
          onChange={setState}
          data={["", ...Object.keys(COLORS)].map((name) => ({
            value: name,
            label: t(`delivery.${name || "all"}`),
          }))}
        />
      </Group>
      {hub.error && <Failure error={hub.error} />}
      <Asked answer={answer} none={{ title: t("deliveries.none") }}>
        {(all) => (
          <Paper withBorder>
            <Table verticalSpacing={4} aria-label={t("deliveries.title")}>
              <Heads
                of="deliveries"
                names={["fact", "state", "attempts", "created", "next", "acts"]}
                figures={["attempts"]}
              />
              <Table.Tbody>
                {all.map((delivery) => (
                  <Table.Tr key={delivery.event_id}>
                    <Table.Th scope="row">
                      <Text size="sm">{factWords(delivery.type, t)}</Text>
                      <Text size="xs" c="dimmed" ff="monospace" fw={400}>
                        {delivery.event_id}
                      </Text>
                    </Table.Th>
                    <Table.Td>
                      <Badge variant="light" tt="none" color={COLORS[delivery.state]}>
                        {t(`delivery.${delivery.state}`)}
                      </Badge>
                    </Table.Td>
                    <Table.Td ta="right">{delivery.attempts}</Table.Td>
                    <Table.Td>
                      <When at={delivery.created_at} />
                    </Table.Td>
                    <Table.Td>
                      <When at={delivery.next_attempt_at} />
                    </Table.Td>
                    <Table.Td>
                      <Group gap={6} wrap="nowrap">
                        <Button
                          size="compact-xs"
                          variant="default"
                          onClick={() => setShown(delivery.event_id)}
                        >
                          {t("deliveries.log")}
                        </Button>
                        <Button
                          size="compact-xs"
                          variant="default"
                          onClick={() =>
                            hub.mutate({
                              path: `endpoints/${endpointId}/resend`,
                              body: { event_id: delivery.event_id },
                            })
                          }
                        >
                          {t("webhooks.resend")}
                        </Button>
                      </Group>
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Paper>
        )}
      </Asked>
      {deliveries.hasNextPage && (
        <Button
          mt="sm"
          variant="default"
          loading={deliveries.isFetchingNextPage}
          onClick={() => void deliveries.fetchNextPage()}
        >
          {t("list.more")}
        </Button>
      )}
      <DeliveryDrawer endpointId={endpointId} eventId={shown} onClose={() => setShown(null)} />
    </>
  );
}
