import { TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { opsPath, useAct } from "../../api/ops";
import type { OpenGate } from "../../api/types";
import { ActDialog } from "../../ui/ActDialog";
import { gateWords } from "../../ui/words";

/** A wait is over, and this shows it; the stage that waits decides whether that is enough. */
export function ResolveDialog({ gate, onClose }: { gate: OpenGate; onClose: () => void }) {
  const { t } = useTranslation();
  const act = useAct();
  const [evidence, setEvidence] = useState("");
  return (
    <ActDialog
      opened
      onClose={onClose}
      title={t("act.resolve.title", { gate: gateWords(gate.gate, t) })}
      text={t("act.resolve.text")}
      submit={t("action.resolve")}
      done={t("act.resolve.done")}
      ready={Boolean(evidence.trim())}
      run={(reason) =>
        act.mutateAsync({
          path: opsPath(gate.stage, "expectations", gate.aggregate_id, gate.gate, "resolve"),
          body: { evidence: evidence.trim(), reason },
        })
      }
    >
      <TextInput
        label={t("act.evidence")}
        description={t("act.evidenceText")}
        required
        value={evidence}
        onChange={(event) => setEvidence(event.currentTarget.value)}
      />
    </ActDialog>
  );
}
