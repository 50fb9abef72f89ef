import { Badge, Button, Code, Group, Paper, Text, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useMayAct } from "../../api/session";
import type { BulkStarted, FailureGroup } from "../../api/ops";
import { When } from "../../ui/When";
import { factWords, serviceWords } from "../../ui/words";
import { BulkDialog } from "./BulkDialog";

/** Messages that failed alike: one cause, one decision. */
export function FailureCard({ group }: { group: FailureGroup }) {
  const { t } = useTranslation();
  const mayAct = useMayAct();
  const [verb, setVerb] = useState<"retry" | "skip" | null>(null);
  const [tried, setTried] = useState<BulkStarted | null>(null);
  return (
    <Paper
      withBorder
      p="sm"
      component="section"
      aria-label={`${group.error_class} ${group.service} ${group.type ?? ""}`}
    >
      <Group justify="space-between" align="flex-start" wrap="nowrap">
        <div style={{ minWidth: 0 }}>
          <Group gap="xs">
            <Title order={2}>{group.error_class}</Title>
            <Badge variant="light" color="red" tt="none">
              {t("failures.messages", { count: group.messages })}
            </Badge>
            {group.retried_at && group.new_since_retry > 0 && (
              <Badge variant="light" color="orange" tt="none">
                {t("failures.newSince", { count: group.new_since_retry })}
              </Badge>
            )}
          </Group>
          <Text size="sm">
            {group.type ? factWords(group.type, t) : t("failures.anyType")} →{" "}
            {serviceWords(group.service, t)} · {t("failures.keys", { count: group.keys })}
          </Text>
          <Text size="xs" c="dimmed">
            {t("failures.first")} <When at={group.first_at} /> · {t("failures.last")}{" "}
            <When at={group.last_at} />
          </Text>
        </div>
        {mayAct && (
          <Group gap="xs" wrap="nowrap">
            <Button size="xs" onClick={() => setVerb("retry")}>
              {t("failures.retryAll")}
            </Button>
            <Button size="xs" variant="default" onClick={() => setVerb("skip")}>
              {t("failures.skipAll")}
            </Button>
          </Group>
        )}
      </Group>
      <Code block mt="xs" className="wrapped">
        {group.error}
      </Code>
      {tried && (
        <Text size="sm" mt="xs" role="status">
          {t("failures.would", { keys: tried.keys, messages: tried.messages })}
        </Text>
      )}
      {verb && (
        <BulkDialog group={group} verb={verb} onClose={() => setVerb(null)} onTried={setTried} />
      )}
    </Paper>
  );
}
