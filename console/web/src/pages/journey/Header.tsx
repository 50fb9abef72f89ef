import { Badge, Button, Group, Paper, Text, Title } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Journey } from "../../api/types";
import { Amount } from "../../ui/Amount";
import { ReasonBadge } from "../../ui/ReasonBadge";
import { SlaBar } from "../../ui/SlaBar";
import { useNow } from "../../ui/useNow";
import { When } from "../../ui/When";
import { gateWords, ownerWords, sentenceIn } from "../../ui/words";

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="headFact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function exportJson(journey: Journey): void {
  const blob = new Blob([JSON.stringify(journey, null, 2)], { type: "application/json" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `journey-${Object.values(journey.numbers).at(-1) ?? journey.journey_id}.json`;
  link.click();
  URL.revokeObjectURL(link.href);
}

export function Header({
  journey,
  asked,
  children,
}: {
  journey: Journey;
  asked: string;
  children?: ReactNode;
}) {
  const { t, i18n } = useTranslation();
  const now = useNow();
  const gate = journey.gates[0];
  const reason = journey.reason;
  const owner = reason?.owner ?? gate?.owner ?? null;
  const since = reason?.since ?? gate?.opened_at ?? null;
  const sentence = sentenceIn(
    i18n.language,
    {
      reason: reason?.code ?? null,
      stage: journey.stage,
      state: journey.state,
      gate: reason?.gate ?? gate?.gate ?? null,
      owner,
      since,
      overdue_s: reason?.overdue_s ?? null,
      sentence: reason?.sentence ?? journey.summary,
    },
    t,
  );
  useEffect(() => {
    document.title = `${asked} · ${t("shell.name")}`;
  }, [asked, t]);
  return (
    <Paper withBorder p="md" component="section" aria-label={t("journey.head")}>
      <Group justify="space-between" align="flex-start" gap="sm" className="headTop">
        <div>
          <ReasonBadge reason={reason?.code ?? null} state={journey.state} size="lg" />
          <Title order={1} mt={6} mb={10} className="sentence">
            {sentence}
          </Title>
        </div>
        <Group gap="xs" wrap="nowrap">
          {children}
          <Button
            variant="default"
            size="xs"
            leftSection={<IconDownload size={15} aria-hidden />}
            onClick={() => exportJson(journey)}
          >
            {t("journey.export")}
          </Button>
        </Group>
      </Group>
      <dl className="headFacts">
        <Fact name={t("column.customer")}>{journey.customer ?? "–"}</Fact>
        <Fact name={t("column.amount")}>
          <Amount money={journey.amount} />
        </Fact>
        <Fact name={t("column.waits")}>
          {gate ? `${t(`stage.${gate.stage}`)} · ${gateWords(gate.gate, t)}` : "–"}
        </Fact>
        <Fact name={t("journey.waitsFor")}>{owner ? ownerWords(owner, t) : "–"}</Fact>
        <Fact name={t("journey.owner")}>{journey.owner ? ownerWords(journey.owner, t) : "–"}</Fact>
        <Fact name={t("journey.since")}>
          <When at={since ?? journey.last_fact_at} />
        </Fact>
        <Fact name={t("column.sla")}>
          <SlaBar
            deadline={{
              since: gate?.opened_at ?? null,
              due_at: gate?.due_at ?? null,
              overdue_s: reason?.overdue_s ?? null,
            }}
            now={now}
          />
        </Fact>
      </dl>
      <Group gap={6} mt="sm" aria-label={t("journey.numbers")} role="list">
        {Object.entries(journey.numbers).map(([stage, number]) => (
          <Badge
            key={stage}
            role="listitem"
            variant="default"
            tt="none"
            radius="sm"
            leftSection={
              <Text span size="xs" c="dimmed">
                {t(`stage.${stage}`, { defaultValue: stage })}
              </Text>
            }
          >
            {number}
          </Badge>
        ))}
      </Group>
    </Paper>
  );
}
