import { Button, Code, CopyButton, Drawer, Group, Text, Title } from "@mantine/core";
import { IconCopy, IconRepeat } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useMayAct } from "../../api/session";
import type { Step } from "../../api/types";
import { DiffTable } from "../../ui/DiffTable";
import { About } from "../../ui/About";
import { When } from "../../ui/When";
import { factWords, ownerWords } from "../../ui/words";
import { differences } from "../../ui/differences";
import { ReplayDialog } from "./ReplayDialog";

/** The fact before this one that told of the same thing. */
export function previousOf(steps: Step[], step: Step): Step | undefined {
  const before = steps.slice(0, steps.indexOf(step));
  return before.findLast((other) =>
    step.subject ? other.subject === step.subject : other.stage === step.stage,
  );
}

export function PayloadDrawer({
  step,
  steps,
  onClose,
}: {
  step: Step | undefined;
  steps: Step[];
  onClose: () => void;
}) {
  const { t, i18n } = useTranslation();
  const [replaying, setReplaying] = useState(false);
  const about: [string, string | null | undefined][] = [
    [t("step.event_id"), step?.event_id],
    [t("step.number"), step?.number],
    [t("step.actor"), step?.actor],
    [t("step.trace_id"), step?.trace_id],
    [t("step.causation_id"), step?.causation_id],
  ];
  const readers = step?.readers.map((role) => ownerWords(`role:${role}`, t)) ?? [];
  return (
    <Drawer
      opened={step !== undefined}
      onClose={onClose}
      closeOnEscape={!replaying} // it closes what is on top
      position="right"
      size="xl"
      title={step && <Text fw={650}>{factWords(step.type, t)}</Text>}
      closeButtonProps={{ "aria-label": t("close") }}
    >
      {step && (
        <>
          <Text size="sm" mb="xs">
            <code>{step.type}</code> · <When at={step.said_at} exact />
          </Text>
          <About rows={about} />
          {step.payload === null ? (
            <Text c="dimmed">
              {t("step.withheld", { roles: new Intl.ListFormat(i18n.language).format(readers) })}
            </Text>
          ) : (
            <Data
              step={step}
              before={previousOf(steps, step)}
              onReplay={() => setReplaying(true)}
            />
          )}
          <ReplayDialog
            opened={replaying}
            onClose={() => setReplaying(false)}
            what={{ event_id: step.event_id }}
            from={step.stage}
          />
        </>
      )}
    </Drawer>
  );
}

/** What the event says, and what of it is new. */
function Data({
  step,
  before,
  onReplay,
}: {
  step: Step;
  before: Step | undefined;
  onReplay: () => void;
}) {
  const { t } = useTranslation();
  const mayAct = useMayAct();
  const text = JSON.stringify(step.payload, null, 2);
  return (
    <>
      <Title order={3} size="h2" mb={4}>
        {t("diff.title")}
      </Title>
      {before ? (
        <>
          <Text size="xs" c="dimmed" mb={4}>
            {t("diff.against", { fact: factWords(before.type, t) })} ·{" "}
            <When at={before.said_at} exact />
          </Text>
          <DiffTable rows={differences(before.payload, step.payload)} />
        </>
      ) : (
        <Text c="dimmed">{t("diff.first")}</Text>
      )}
      <Group justify="space-between" mt="md" mb={4}>
        <Title order={3} size="h2">
          {t("step.payload")}
        </Title>
        {mayAct && (
          <Button
            size="xs"
            variant="default"
            leftSection={<IconRepeat size={14} aria-hidden />}
            onClick={onReplay}
            ml="auto"
          >
            {t("act.replay.fact")}
          </Button>
        )}
        <CopyButton value={text}>
          {({ copied, copy }) => (
            <Button
              size="xs"
              variant="default"
              leftSection={<IconCopy size={14} aria-hidden />}
              onClick={copy}
            >
              {t(copied ? "copied" : "copy")}
            </Button>
          )}
        </CopyButton>
      </Group>
      <Code block tabIndex={0}>
        {text}
      </Code>
    </>
  );
}
