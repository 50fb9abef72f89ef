import { Alert, Button, Select } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { opsPath, useAct, type Replayed } from "../../api/ops";
import { STAGES } from "../../api/types";
import { ActDialog } from "../../ui/ActDialog";
import { Failure } from "../../ui/states";

/** Facts said again from a service's log, under their own ids: who has them already ignores them. */
export function ReplayDialog({
  opened,
  onClose,
  what,
  from,
}: {
  opened: boolean;
  onClose: () => void;
  what: { event_id: string } | { journey_id: string };
  from: string;
}) {
  const { t } = useTranslation();
  const act = useAct<Replayed>();
  const [service, setService] = useState(from);
  const [tried, setTried] = useState<Replayed | null>(null);
  const path = opsPath(service, "replay");
  const one = "event_id" in what;
  const close = () => {
    setTried(null);
    act.reset();
    onClose();
  };
  return (
    <ActDialog
      opened={opened}
      onClose={close}
      title={t(one ? "act.replay.fact" : "act.replay.journey")}
      text={t("act.replay.text")}
      submit={t("action.replay")}
      done={t("act.replay.done")}
      run={(reason) => act.mutateAsync({ path, body: { ...what, reason, dry_run: false } })}
    >
      {!one && (
        <Select
          label={t("act.by")}
          data={STAGES.map((stage) => ({ value: stage, label: t(`stage.${stage}`) }))}
          value={service}
          onChange={(value) => value && setService(value)}
          allowDeselect={false}
        />
      )}
      <Button
        variant="default"
        size="xs"
        style={{ alignSelf: "flex-start" }}
        onClick={() =>
          act.mutate(
            { path, body: { ...what, reason: "dry run", dry_run: true } },
            { onSuccess: setTried },
          )
        }
      >
        {t("act.dryRun")}
      </Button>
      {tried && (
        <Alert variant="default" className="notice" role="status">
          {t("act.replay.would", { count: tried.facts.length })}
        </Alert>
      )}
      {act.error && !tried && <Failure error={act.error} />}
    </ActDialog>
  );
}
