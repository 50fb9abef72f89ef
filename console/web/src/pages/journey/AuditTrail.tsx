import { Badge, Text, Timeline } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Act } from "../../api/types";
import { When } from "../../ui/When";
import { actWords, serviceWords } from "../../ui/words";

const COLORS: Record<string, string> = { resolved: "teal", pending: "gray", failed_again: "red" };

/** What people did here, and whether it helped: "resolved" is said when the next step was seen. */
export function AuditTrail({ acts }: { acts: Act[] }) {
  const { t } = useTranslation();
  if (acts.length === 0) return <Text c="dimmed">{t("audit.none")}</Text>;
  return (
    <Timeline bulletSize={14} lineWidth={2}>
      {acts.map((act) => (
        <Timeline.Item
          key={act.id}
          title={
            <Text size="sm" fw={600}>
              {actWords(act.action, t)} · {serviceWords(act.service, t)}{" "}
              {act.outcome && (
                <Badge variant="light" tt="none" color={COLORS[act.outcome]}>
                  {t(`outcome.${act.outcome}`)}
                </Badge>
              )}
            </Text>
          }
        >
          <Text size="sm">
            {act.actor_name}: {act.reason}
          </Text>
          <Text size="xs" c="dimmed">
            <When at={act.at} exact />
          </Text>
        </Timeline.Item>
      ))}
    </Timeline>
  );
}
