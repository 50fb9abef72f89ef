import { Paper, Stack, Title } from "@mantine/core";
import { useParams } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { Refused } from "../../api/client";
import { useJourney } from "../../api/journeys";
import { useMayAct } from "../../api/session";
import { NotHeard } from "../../ui/NotHeard";
import { PageHead } from "../../ui/PageHead";
import { Failure, Loading } from "../../ui/states";
import { ActMenu } from "./ActMenu";
import { AuditTrail } from "./AuditTrail";
import { EvidenceList } from "./EvidenceList";
import { Header } from "./Header";
import { ParkedCard } from "./ParkedCard";
import { PayloadDrawer } from "./PayloadDrawer";
import { StepsTable } from "./StepsTable";
import { SwimLanes } from "./SwimLanes";
import { Waterfall } from "./Waterfall";

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Paper withBorder p="sm" component="section" aria-label={title}>
      <Title order={2} mb="xs">
        {title}
      </Title>
      {children}
    </Paper>
  );
}

export default function JourneyPage() {
  const { t } = useTranslation();
  const { key } = useParams({ from: "/j/$key" });
  const { data: journey, error, isPending, refetch } = useJourney(key);
  const mayAct = useMayAct();
  const [opened, setOpened] = useState<string | null>(null);
  if (isPending) return <Loading rows={12} />;
  if (error instanceof Refused && error.status === 404 && !journey)
    return <PageHead title={t("journey.unknown", { key })} about={t("journey.unknownText")} />;
  if (!journey) return <Failure error={error} retry={() => void refetch()} />;
  const step = journey.steps.find(({ event_id }) => event_id === opened);
  return (
    <Stack gap="sm">
      <Header journey={journey} asked={key}>
        {mayAct && <ActMenu journey={journey} />}
      </Header>
      <NotHeard asked={journey.asked} title={t("journey.away")} />
      {journey.parked.length > 0 && (
        <Section title={t("journey.parked")}>
          <Stack gap="xs">
            {journey.parked.map((parked) => (
              <ParkedCard key={parked.service + parked.topic + parked.key} parked={parked} />
            ))}
          </Stack>
        </Section>
      )}
      {journey.reason && journey.reason.evidence.length > 0 && (
        <Section title={t("journey.evidence")}>
          <EvidenceList evidence={journey.reason.evidence} />
        </Section>
      )}
      <Section title={t("journey.timeline")}>
        <SwimLanes journey={journey} onOpen={setOpened} />
      </Section>
      <Section title={t("journey.steps")}>
        <StepsTable journey={journey} onOpen={setOpened} />
      </Section>
      <Section title={t("journey.waterfall")}>
        <Waterfall asked={key} traceIds={journey.trace_ids} />
      </Section>
      <Section title={t("journey.audit")}>
        <AuditTrail acts={journey.actions} />
      </Section>
      <PayloadDrawer step={step} steps={journey.steps} onClose={() => setOpened(null)} />
    </Stack>
  );
}
