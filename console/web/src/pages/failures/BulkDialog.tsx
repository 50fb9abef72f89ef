import { Group, NumberInput, Switch } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { opsPath, useAct } from "../../api/ops";
import type { BulkStarted, FailureGroup } from "../../api/ops";
import { ActDialog } from "../../ui/ActDialog";

/** Retry a whole group, or propose to skip it: by default a dry run first, at a limited rate. */
export function BulkDialog({
  group,
  verb,
  onClose,
  onTried,
}: {
  group: FailureGroup;
  verb: "retry" | "skip";
  onClose: () => void;
  /** What would be done, or none once it is being done. */
  onTried: (would: BulkStarted | null) => void;
}) {
  const { t } = useTranslation();
  const act = useAct<BulkStarted>();
  const [dryRun, setDryRun] = useState(true);
  const [perSecond, setPerSecond] = useState<number | string>(10);
  const [limit, setLimit] = useState<number | string>(group.keys);
  return (
    <ActDialog
      opened
      onClose={onClose}
      title={t(`failures.${verb}Title`, { error: group.error_class })}
      text={t(`failures.${verb}Text`, { count: group.messages })}
      submit={t(dryRun ? "act.dryRun" : verb === "skip" ? "bulk.propose" : "action.retry")}
      done={dryRun ? undefined : t(verb === "skip" ? "bulk.proposedDone" : "bulk.begun")}
      danger={verb === "skip" && !dryRun}
      ready={Number(perSecond) > 0 && Number(limit) > 0}
      run={async (reason) => {
        const begun = await act.mutateAsync({
          path: opsPath(group.service, "failures", group.fingerprint, verb),
          body: {
            reason,
            dry_run: dryRun,
            per_second: Number(perSecond),
            limit: Number(limit),
          },
        });
        onTried(begun.dry_run ? begun : null);
      }}
    >
      <Switch
        label={t("failures.dryRun")}
        checked={dryRun}
        onChange={(event) => setDryRun(event.currentTarget.checked)}
      />
      <Group grow>
        <NumberInput
          label={t("failures.perSecond")}
          min={1}
          max={1000}
          allowDecimal={false}
          value={perSecond}
          onChange={setPerSecond}
        />
        <NumberInput
          label={t("failures.limit")}
          min={1}
          max={10_000}
          allowDecimal={false}
          value={limit}
          onChange={setLimit}
        />
      </Group>
    </ActDialog>
  );
}
