import { Button, Menu, Select, TextInput } from "@mantine/core";
import { IconChevronDown, IconTool } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { opsPath, useAct } from "../../api/ops";
import { STAGES, type Journey, type OpenGate } from "../../api/types";
import { ActDialog } from "../../ui/ActDialog";
import { gateWords } from "../../ui/words";
import { ReplayDialog } from "./ReplayDialog";

/** What can be done to a journey beside its parked messages. */
export function ActMenu({ journey }: { journey: Journey }) {
  const { t } = useTranslation();
  const act = useAct();
  const [replaying, setReplaying] = useState(false);
  const [holding, setHolding] = useState(false);
  const [gate, setGate] = useState<OpenGate | null>(null);
  const [evidence, setEvidence] = useState("");
  const [service, setService] = useState<string>(journey.stage);
  const [topic, setTopic] = useState("");
  const [key, setKey] = useState("");
  const subject = gate
    ? journey.steps.findLast(
        (step) => step.payload.gate === gate.gate && step.payload.number === gate.number,
      )?.subject
    : undefined;
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button
            size="xs"
            leftSection={<IconTool size={15} aria-hidden />}
            rightSection={<IconChevronDown size={14} aria-hidden />}
          >
            {t("act.menu")}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {journey.gates.map((open) => (
            <Menu.Item key={open.number + open.gate} onClick={() => setGate(open)}>
              {t("act.resolve.item", { gate: gateWords(open.gate, t), number: open.number })}
            </Menu.Item>
          ))}
          <Menu.Item onClick={() => setReplaying(true)}>{t("act.replay.journey")}</Menu.Item>
          <Menu.Item onClick={() => setHolding(true)}>{t("act.park.item")}</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <ReplayDialog
        opened={replaying}
        onClose={() => setReplaying(false)}
        what={{ journey_id: journey.journey_id }}
        from={journey.stage}
      />
      <ActDialog
        opened={holding}
        onClose={() => setHolding(false)}
        title={t("act.park.title")}
        text={t("act.park.text")}
        submit={t("action.hold")}
        done={t("act.park.done")}
        ready={Boolean(topic && key)}
        run={(reason) =>
          act.mutateAsync({ path: opsPath(service, "park"), body: { topic, key, reason } })
        }
      >
        <Select
          label={t("act.by")}
          data={STAGES.map((stage) => ({ value: stage, label: t(`stage.${stage}`) }))}
          value={service}
          onChange={(value) => value && setService(value)}
          allowDeselect={false}
        />
        <TextInput
          label={t("act.topic")}
          value={topic}
          onChange={(event) => setTopic(event.currentTarget.value)}
          placeholder="ltc.contract.v1"
          required
        />
        <TextInput
          label={t("act.key")}
          value={key}
          onChange={(event) => setKey(event.currentTarget.value)}
          required
        />
      </ActDialog>
      <ActDialog
        opened={gate !== null}
        onClose={() => setGate(null)}
        title={t("act.resolve.title", { gate: gate ? gateWords(gate.gate, t) : "" })}
        text={t("act.resolve.text")}
        submit={t("action.resolve")}
        done={t("act.resolve.done")}
        ready={Boolean(evidence.trim() && subject)}
        run={(reason) =>
          act.mutateAsync({
            path: opsPath(
              gate?.stage ?? "",
              "expectations",
              subject ?? "",
              gate?.gate ?? "",
              "resolve",
            ),
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
    </>
  );
}
