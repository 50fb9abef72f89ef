import { Accordion, Badge, Code, Drawer, Group, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useWaiting, type Try, type WaitingMessage } from "../../api/ops";
import type { Parked } from "../../api/types";
import { Asked } from "../../ui/Asked";
import { About } from "../../ui/About";
import { When } from "../../ui/When";
import { factWords } from "../../ui/words";

/** JSON as people read it; what is none, as it came. */
function readable(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function TryItem({ tried }: { tried: Try }) {
  const { t } = useTranslation();
  return (
    <Accordion.Item value={tried.at}>
      <Accordion.Control>
        <Group gap="sm">
          <Badge variant="light" tt="none" color="red">
            {tried.error_class}
          </Badge>
          <When at={tried.at} exact />
          <Text size="sm" c="dimmed">
            {tried.instance} {tried.service_version}
          </Text>
        </Group>
      </Accordion.Control>
      <Accordion.Panel>
        <Code block className="wrapped">
          {[tried.error, tried.stack].filter(Boolean).join("\n\n")}
        </Code>
        {!tried.stack && (
          <Text size="xs" c="dimmed" mt={4}>
            {t("parked.noStack")}
          </Text>
        )}
      </Accordion.Panel>
    </Accordion.Item>
  );
}

function Head({ message, parked }: { message: WaitingMessage; parked: Parked }) {
  const { t } = useTranslation();
  const { schema_version: version, understood_versions: understood, tries = [] } = message;
  const about: [string, string | null | undefined][] = [
    [t("parked.about.event"), message.event_id],
    [t("parked.about.place"), `${parked.topic}/${message.partition}@${message.offset}`],
    [t("parked.about.key"), parked.key],
    [t("parked.about.version"), version === undefined || version === null ? null : `v${version}`],
    [t("parked.about.understood"), understood?.map((n) => `v${n}`).join(", ")],
    [t("parked.about.service"), message.service_version],
  ];
  return (
    <>
      <About rows={about} />
      <Title order={3} size="h2" mb={4}>
        {t("parked.tries")}
      </Title>
      {tries.length > 0 ? (
        <Accordion defaultValue={tries.at(-1)?.at}>
          {tries.toReversed().map((tried) => (
            <TryItem key={tried.at} tried={tried} />
          ))}
        </Accordion>
      ) : (
        <Code block className="wrapped">
          {parked.error_class}: {parked.error}
        </Code>
      )}
      <Title order={3} size="h2" mt="md" mb={4}>
        {t("step.payload")}
      </Title>
      <Code block className="wrapped">
        {message.payload === null ? (message.payload_base64 ?? "–") : readable(message.payload)}
      </Code>
    </>
  );
}

/** Why a message could not be taken in: what was tried, where it broke, and by which versions. */
export function ParkedDrawer({
  parked,
  opened,
  onClose,
}: {
  parked: Parked;
  opened: boolean;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const waiting = useWaiting(parked.service, parked.topic, parked.key, opened);
  return (
    <Drawer
      opened={opened}
      onClose={onClose}
      position="right"
      size="xl"
      title={<Text fw={650}>{parked.type ? factWords(parked.type, t) : parked.topic}</Text>}
      closeButtonProps={{ "aria-label": t("close") }}
    >
      <Asked answer={waiting}>{([head]) => head && <Head message={head} parked={parked} />}</Asked>
    </Drawer>
  );
}
