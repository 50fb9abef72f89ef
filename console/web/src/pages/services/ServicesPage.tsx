import { Badge, Paper, Table, Text } from "@mantine/core";
import { IconCircleCheck, IconLoader, IconPlugConnectedX, type Icon } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { useServices } from "../../api/system";
import type { Service } from "../../api/system";
import { Asked } from "../../ui/Asked";
import { Heads } from "../../ui/Heads";
import { PageHead } from "../../ui/PageHead";
import { serviceWords, spell } from "../../ui/words";

const SIGNS: Record<Service["status"], { icon: Icon; color: string }> = {
  ready: { icon: IconCircleCheck, color: "teal" },
  starting: { icon: IconLoader, color: "orange" },
  away: { icon: IconPlugConnectedX, color: "red" },
};
const FIGURES = ["outbox", "outboxAge", "lag", "parked", "dead", "transaction"];

/** A figure that should be small; over `most` it stands out, in words for who sees no colour. */
function Figure({
  value = null,
  most,
  time,
}: {
  value?: number | null;
  most: number;
  time?: boolean;
}) {
  const { t, i18n } = useTranslation();
  const over = value !== null && value > most;
  const words =
    value === null
      ? "–"
      : time
        ? spell(value, t)
        : new Intl.NumberFormat(i18n.language).format(value);
  return (
    <Table.Td ta="right" className={over ? "figure late" : "figure"} fw={over ? 700 : undefined}>
      {over && <span aria-label={t("services.high")}>▲ </span>}
      {words}
    </Table.Td>
  );
}

function ServiceRow({ service }: { service: Service }) {
  const { t } = useTranslation();
  const { icon: Sign, color } = SIGNS[service.status];
  return (
    <Table.Tr>
      <Table.Th scope="row">
        {serviceWords(service.service, t)}
        {service.error && (
          <Text size="xs" className="late" fw={400}>
            {service.error}
          </Text>
        )}
      </Table.Th>
      <Table.Td>
        <Badge variant="light" color={color} tt="none" leftSection={<Sign size={14} aria-hidden />}>
          {t(`health.${service.status}`)}
        </Badge>
      </Table.Td>
      <Table.Td>
        {typeof service.hearing !== "boolean"
          ? "–"
          : t(service.hearing ? "services.hears" : "services.deaf")}
      </Table.Td>
      <Table.Td ff="monospace">{service.version ?? "–"}</Table.Td>
      <Table.Td ff="monospace">{service.database_revision ?? "–"}</Table.Td>
      <Figure value={service.outbox_rows} most={1000} />
      <Figure value={service.outbox_age_s} most={30} time />
      <Figure value={service.lag_s} most={30} time />
      <Figure value={service.parked_keys} most={0} />
      <Figure value={service.dead_keys} most={0} />
      <Figure value={service.oldest_transaction_s} most={60} time />
    </Table.Tr>
  );
}

export default function ServicesPage() {
  const { t } = useTranslation();
  const services = useServices();
  return (
    <>
      <PageHead title={t("nav.services")} about={t("services.about")} />
      <Asked answer={services} none={{ title: t("services.none") }}>
        {(all) => (
          <Paper withBorder>
            <Table.ScrollContainer minWidth={1000}>
              <Table verticalSpacing="xs" aria-label={t("nav.services")}>
                <Heads
                  of="services"
                  names={["service", "status", "hearing", "version", "schema", ...FIGURES]}
                  figures={FIGURES}
                />
                <Table.Tbody>
                  {all.map((service) => (
                    <ServiceRow key={service.service} service={service} />
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          </Paper>
        )}
      </Asked>
    </>
  );
}
