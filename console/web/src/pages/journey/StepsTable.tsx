import { Button, Group, Select, Table, Text, TextInput } from "@mantine/core";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { STAGES, type Journey, type Step } from "../../api/types";
import { When } from "../../ui/When";
import { factWords, spell } from "../../ui/words";

function matches(step: Step, stage: string | null, text: string): boolean {
  if (stage && step.stage !== stage) return false;
  const sought = text.trim().toLowerCase();
  return !sought || JSON.stringify(step).toLowerCase().includes(sought);
}

export function StepsTable({
  journey,
  onOpen,
}: {
  journey: Journey;
  onOpen: (eventId: string) => void;
}) {
  const { t } = useTranslation();
  const [stage, setStage] = useState<string | null>(null);
  const [text, setText] = useState("");
  const shown = useMemo(
    () => journey.steps.filter((step) => matches(step, stage, text)),
    [journey.steps, stage, text],
  );
  return (
    <>
      <Group gap="xs" mb="xs" role="search" aria-label={t("filter.title")}>
        <TextInput
          size="xs"
          w={260}
          value={text}
          aria-label={t("steps.filter")}
          placeholder={t("steps.filter")}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Select
          size="xs"
          w={140}
          clearable
          aria-label={t("filter.stage")}
          placeholder={t("filter.stage")}
          data={STAGES.map((name) => ({ value: name, label: t(`stage.${name}`) }))}
          value={stage}
          onChange={setStage}
        />
        <Text size="xs" c="dimmed" aria-live="polite">
          {t("steps.shown", { shown: shown.length, count: journey.steps.length })}
        </Text>
      </Group>
      <Table.ScrollContainer minWidth={760}>
        <Table highlightOnHover verticalSpacing={3}>
          <Table.Thead>
            <Table.Tr>
              {["after", "stage", "fact", "number", "actor", "at", "payload"].map((name) => (
                <Table.Th key={name}>{t(`steps.${name}`)}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map((step) => (
              <Table.Tr key={step.event_id}>
                <Table.Td className="figure" title={`${step.after_ms} ms`}>
                  {step.after_ms < 1000
                    ? `${Math.round(step.after_ms)} ms`
                    : spell(step.after_ms / 1000, t)}
                </Table.Td>
                <Table.Td>{t(`stage.${step.stage}`)}</Table.Td>
                <Table.Td title={step.type}>{factWords(step.type, t)}</Table.Td>
                <Table.Td ff="monospace">{step.number ?? "–"}</Table.Td>
                <Table.Td>{step.actor ?? "–"}</Table.Td>
                <Table.Td>
                  <When at={step.said_at} exact />
                </Table.Td>
                <Table.Td>
                  <Button
                    size="compact-xs"
                    variant="default"
                    onClick={() => onOpen(step.event_id)}
                    aria-label={t("steps.show", { fact: factWords(step.type, t) })}
                  >
                    {t("steps.open")}
                  </Button>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </>
  );
}
