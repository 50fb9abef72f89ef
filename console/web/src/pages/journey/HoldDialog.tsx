import { Select } from "@mantine/core";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { opsPath, useAct } from "../../api/ops";
import { useCatalogue } from "../../api/system";
import { STAGES, type Journey } from "../../api/types";
import { ActDialog } from "../../ui/ActDialog";
import { lanesOf } from "./lanes";

/** Messages of this journey wait from now on: which of them, and in which service that hears them. */
export function HoldDialog({ journey, onClose }: { journey: Journey; onClose: () => void }) {
  const { t } = useTranslation();
  const act = useAct();
  const { data: facts = [], isPending } = useCatalogue();
  const lanes = useMemo(() => lanesOf(journey), [journey]);
  const [chosen, setChosen] = useState(lanes[0]?.key);
  const [service, setService] = useState<string | null>(null);
  const lane = lanes.find(({ key }) => key === chosen) ?? lanes[0];
  const heard = new Set(
    facts.filter(({ topic }) => topic === lane?.topic).flatMap(({ hearers }) => hearers),
  );
  const hearers = STAGES.filter((stage) => heard.has(`${stage}-svc`));
  const later = STAGES.slice(STAGES.findIndex((stage) => stage === lane?.stage) + 1);
  const next = later.find((stage) => hearers.includes(stage)) ?? hearers[0];
  const by = hearers.find((stage) => stage === service) ?? next;
  return (
    <ActDialog
      opened
      onClose={onClose}
      title={t("act.hold.title")}
      text={t("act.hold.text")}
      submit={t("action.hold")}
      done={t("act.hold.done")}
      ready={lane !== undefined && by !== undefined}
      run={(reason) =>
        act.mutateAsync({
          path: opsPath(by ?? "", "park"),
          body: { topic: lane?.topic, key: lane?.key, reason },
        })
      }
    >
      <Select
        label={t("act.hold.of")}
        description={lane && `${lane.topic}/${lane.key}`}
        data={lanes.map(({ key, stage, number }) => ({
          value: key,
          label: `${t(`stage.${stage}`)} ${number ?? key}`,
        }))}
        value={lane?.key ?? null}
        onChange={(key) => key && setChosen(key)}
        allowDeselect={false}
      />
      <Select
        label={t("act.by")}
        data={hearers.map((stage) => ({ value: stage, label: t(`stage.${stage}`) }))}
        value={by ?? null}
        onChange={setService}
        allowDeselect={false}
        error={!isPending && !by && t("act.hold.nobody")}
      />
    </ActDialog>
  );
}
