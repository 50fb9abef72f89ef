import { Accordion, Badge, Code, Drawer, Group, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useDelivery, type Attempt } from "../../api/hub";
import { Asked } from "../../ui/Asked";
import { When } from "../../ui/When";

function headersOf(headers: Record<string, unknown>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${String(value)}`)
    .join("\n");
}

function Message({ title, headers, body }: { title: string; headers: string; body: string }) {
  return (
    <>
      <Text fw={600} size="sm" mt="xs" mb={4}>
        {title}
      </Text>
      <Code block tabIndex={0}>
        {[headers, body].filter(Boolean).join("\n\n") || "–"}
      </Code>
    </>
  );
}

function AttemptItem({ attempt }: { attempt: Attempt }) {
  const { t } = useTranslation();
  const well = attempt.outcome === "accepted";
  return (
    <Accordion.Item value={attempt.at}>
      <Accordion.Control>
        <Group gap="sm">
          <Badge variant="light" tt="none" color={well ? "teal" : "red"}>
            {attempt.status ?? t(`outcome.${attempt.outcome}`, { defaultValue: attempt.outcome })}
          </Badge>
          <When at={attempt.at} exact />
          <Text size="sm" c="dimmed">
            {attempt.duration_ms} ms
          </Text>
        </Group>
      </Accordion.Control>
      <Accordion.Panel>
        {attempt.error && (
          <Text size="sm" className="late">
            {attempt.error}
          </Text>
        )}
        <Message
          title={t("deliveries.request", { url: attempt.url })}
          headers={headersOf(attempt.request_headers)}
          body={attempt.request_body}
        />
        <Message
          title={t("deliveries.response")}
          headers={headersOf(attempt.response_headers)}
          body={attempt.response_body}
        />
      </Accordion.Panel>
    </Accordion.Item>
  );
}

/** What was sent each time, and what came back. */
export function DeliveryDrawer({
  endpointId,
  eventId,
  onClose,
}: {
  endpointId: string;
  eventId: string | null;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const delivery = useDelivery(endpointId, eventId);
  return (
    <Drawer
      opened={eventId !== null}
      onClose={onClose}
      position="right"
      size="xl"
      title={<Text fw={650}>{t("deliveries.log")}</Text>}
      closeButtonProps={{ "aria-label": t("close") }}
    >
      <Asked answer={delivery}>
        {({ log }) =>
          log.length === 0 ? (
            <Text c="dimmed">{t("deliveries.notTried")}</Text>
          ) : (
            <Accordion defaultValue={log[0]?.at}>
              {log.map((attempt) => (
                <AttemptItem key={attempt.at} attempt={attempt} />
              ))}
            </Accordion>
          )
        }
      </Asked>
    </Drawer>
  );
}
