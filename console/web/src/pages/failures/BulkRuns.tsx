import { Button, Group, Paper, Progress, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { opsPath, useAct, useBulkRuns, type BulkRun } from "../../api/ops";
import { useMayAct, useSession } from "../../api/session";
import { ActDialog } from "../../ui/ActDialog";
import { Asked } from "../../ui/Asked";
import { Failure } from "../../ui/states";
import { When } from "../../ui/When";
import { actWords, serviceWords } from "../../ui/words";

const STEPS: Record<BulkRun["status"], ("pause" | "resume" | "cancel")[]> = {
  proposed: ["cancel"],
  running: ["pause", "cancel"],
  paused: ["resume", "cancel"],
  cancelled: [],
  done: [],
};

function RunRow({ run }: { run: BulkRun }) {
  const { t } = useTranslation();
  const mayAct = useMayAct();
  const act = useAct();
  const done = run.keys - run.left;
  const { data: session } = useSession();
  const [approving, setApproving] = useState(false);
  const mine = session?.sub === run.actor_sub;
  const words = t("bulk.progress", { done, wanted: run.keys, moved: run.moved_on });
  return (
    <div>
      <Group gap="sm" role="status" wrap="nowrap">
        <Text size="sm" fw={600}>
          {actWords(run.action, t)} · {serviceWords(run.service, t)} · {t(`bulk.${run.status}`)}
        </Text>
        <Progress flex={1} value={run.keys ? (100 * done) / run.keys : 100} aria-label={words} />
        <Text size="sm" className="figure">
          {words}
        </Text>
        {mayAct && run.status === "proposed" && (
          <Button size="compact-sm" disabled={mine} onClick={() => setApproving(true)}>
            {t("action.approve")}
          </Button>
        )}
        {mayAct &&
          STEPS[run.status].map((verb) => (
            <Button
              key={verb}
              size="compact-sm"
              variant="default"
              onClick={() =>
                act.mutate({
                  path: opsPath(run.service, "bulk", run.id, verb),
                  body: { reason: t(`bulk.${verb}`) },
                })
              }
            >
              {t(`bulk.${verb}`)}
            </Button>
          ))}
      </Group>
      <Text size="xs" c="dimmed">
        {run.actor_name}: {run.reason} · {t("bulk.rate", { count: run.per_second })} ·{" "}
        <When at={run.created_at} />
        {mayAct && run.status === "proposed" && mine && <> · {t("bulk.mine")}</>}
      </Text>
      {act.error && <Failure error={act.error} />}
      <ActDialog
        opened={approving}
        onClose={() => setApproving(false)}
        title={t("bulk.approveTitle")}
        text={t("bulk.approveText", { count: run.keys })}
        submit={t("action.approve")}
        done={t("bulk.begun")}
        danger
        run={(reason) =>
          act.mutateAsync({
            path: opsPath(run.service, "bulk", run.id, "approve"),
            body: { reason },
          })
        }
      />
    </div>
  );
}

/** What is being done to many at once, and what was: as the services have it, whoever began it. */
export function BulkRuns() {
  const { t } = useTranslation();
  const runs = useBulkRuns();
  return (
    <Asked answer={runs}>
      {({ items }) =>
        items.length > 0 && (
          <Paper withBorder p="sm" component="section" aria-label={t("bulk.title")}>
            <Title order={2} mb="xs">
              {t("bulk.title")}
            </Title>
            <Stack gap="xs">
              {items.map((run) => (
                <RunRow key={run.id} run={run} />
              ))}
            </Stack>
          </Paper>
        )
      }
    </Asked>
  );
}
