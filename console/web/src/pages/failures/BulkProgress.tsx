import { Button, Group, Progress, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { opsPath, useAct, useBulk } from "../../api/ops";
import { Failure } from "../../ui/states";

export function BulkProgress({ service, id }: { service: string; id: string }) {
  const { t } = useTranslation();
  const { data: bulk, error } = useBulk(service, id);
  const act = useAct();
  if (!bulk) return error ? <Failure error={error} /> : null;
  const steer = (verb: "pause" | "resume" | "cancel") => (
    <Button
      key={verb}
      size="compact-sm"
      variant="default"
      onClick={() =>
        act.mutate({
          path: opsPath(service, "bulk", id, verb),
          body: { reason: t(`bulk.${verb}`) },
        })
      }
    >
      {t(`bulk.${verb}`)}
    </Button>
  );
  const done = bulk.keys - bulk.left;
  const words = t("bulk.progress", { done, wanted: bulk.keys, moved: bulk.moved_on });
  return (
    <Group mt="sm" gap="sm" role="status">
      <Text size="sm" fw={600}>
        {t(`action.${bulk.action}`)} · {t(`bulk.${bulk.status}`)}
      </Text>
      <Progress flex={1} value={bulk.keys ? (100 * done) / bulk.keys : 100} aria-label={words} />
      <Text size="sm" className="figure">
        {words}
      </Text>
      {bulk.status === "running" && [steer("pause"), steer("cancel")]}
      {bulk.status === "paused" && [steer("resume"), steer("cancel")]}
      {act.error && <Failure error={act.error} />}
    </Group>
  );
}
