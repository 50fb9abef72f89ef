import { Badge, Button, Code, Group, Paper, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { opsPath, useAct } from "../../api/ops";
import { useMayAct } from "../../api/session";
import type { Parked } from "../../api/types";
import { ActDialog } from "../../ui/ActDialog";
import { When } from "../../ui/When";
import { factWords, serviceWords } from "../../ui/words";
import { EditDialog } from "./EditDialog";
import { ParkedDrawer } from "./ParkedDrawer";

type Simple = "retry" | "skip" | "hold" | "release";
type Verb = Simple | "edit" | "look";

/** Where the service takes an act on a parked key, and what it is told beside the reason. */
function actOn({ service, topic, key }: Parked, verb: Simple) {
  return verb === "hold"
    ? { path: opsPath(service, "park"), about: { topic, key } }
    : { path: opsPath(service, "parked", topic, key, verb), about: {} };
}

/** A message that could not be taken in, why, and what can be done about it. */
export function ParkedCard({ parked }: { parked: Parked }) {
  const { t } = useTranslation();
  const mayAct = useMayAct();
  const act = useAct();
  const [verb, setVerb] = useState<Verb | null>(null);
  const close = () => setVerb(null);
  const held = parked.status === "held";
  const verbs: Verb[] = held ? ["release"] : ["retry", "edit", "skip", "hold"];
  const simple = verb === null || verb === "edit" || verb === "look" ? "retry" : verb;
  const { path, about } = actOn(parked, simple);
  return (
    <Paper withBorder p="sm" className="notice bad">
      <Group justify="space-between" align="flex-start" wrap="nowrap">
        <Stack gap={2} miw={0}>
          <Group gap="xs">
            <Text fw={650}>{parked.type ? factWords(parked.type, t) : parked.topic}</Text>
            <Badge variant="light" tt="none" color={parked.status === "dead" ? "red" : "orange"}>
              {t(`parked.${parked.status}`, { defaultValue: parked.status })}
            </Badge>
          </Group>
          <Text size="sm">
            {t("parked.where", {
              service: serviceWords(parked.service, t),
              count: parked.attempts,
            })}{" "}
            <When at={parked.parked_at} />
            {parked.next_retry_at && parked.status === "retrying" && (
              <>
                {" · "}
                {t("parked.next")} <When at={parked.next_retry_at} />
              </>
            )}
          </Text>
          {parked.messages > 1 && (
            <Text size="sm">{t("parked.more", { count: parked.messages - 1 })}</Text>
          )}
          {parked.waits_for && (
            <Text size="sm">{t("parked.behind", { key: parked.waits_for })}</Text>
          )}
          {parked.error && (
            <Code block className="wrapped">
              {parked.error_class}: {parked.error}
            </Code>
          )}
          <Group gap="sm">
            <Text size="xs" c="dimmed" ff="monospace">
              {parked.topic}/{parked.key}
            </Text>
            {parked.event_id && (
              <Button size="compact-xs" variant="default" onClick={() => setVerb("look")}>
                {t("parked.look")}
              </Button>
            )}
          </Group>
        </Stack>
        {mayAct && (
          <Group gap="xs" wrap="nowrap">
            {verbs.map((name) => (
              <Button
                key={name}
                size="xs"
                variant={name === "retry" || name === "release" ? "filled" : "default"}
                onClick={() => setVerb(name)}
              >
                {t(`action.${name}`)}
              </Button>
            ))}
          </Group>
        )}
      </Group>
      <ActDialog
        opened={verb === simple}
        onClose={close}
        title={t(`act.${simple}.title`)}
        text={t(`act.${simple}.text`)}
        submit={t(`action.${simple}`)}
        done={t(`act.${simple}.done`)}
        danger={simple === "skip"}
        run={(reason) => act.mutateAsync({ path, body: { ...about, reason } })}
      />
      <ParkedDrawer parked={parked} opened={verb === "look"} onClose={close} />
      {verb === "edit" && <EditDialog parked={parked} onClose={close} />}
    </Paper>
  );
}
