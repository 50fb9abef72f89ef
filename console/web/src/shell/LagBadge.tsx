import { Badge, Tooltip } from "@mantine/core";
import { IconBroadcast, IconBroadcastOff } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { useProjection } from "../api/journeys";
import { spell } from "../ui/words";

const FRESH_S = 10;

/** How far behind the facts this console's picture is. */
export function LagBadge({ hearing }: { hearing: boolean }) {
  const { t, i18n } = useTranslation();
  const { data } = useProjection();
  if (!data) return null;
  const late = data.lag_s > FRESH_S;
  const words = late
    ? t("lag.behind", { for: spell(data.lag_s, t) })
    : hearing
      ? t("lag.live")
      : t("lag.fresh");
  const count = new Intl.NumberFormat(i18n.language);
  const lag = count.format(data.lag_facts);
  const about =
    data.facts === null || data.journeys === null // for who sees everything
      ? t("lag.behindBy", { lag })
      : t("lag.about", {
          facts: count.format(data.facts),
          journeys: count.format(data.journeys),
          lag,
        });
  return (
    <Tooltip label={about} multiline maw={320}>
      <Badge
        variant="light"
        tt="none"
        color={late ? "orange" : "teal"}
        visibleFrom="sm"
        role="status"
        aria-label={`${words}. ${about}`}
        leftSection={
          hearing ? (
            <IconBroadcast size={14} aria-hidden />
          ) : (
            <IconBroadcastOff size={14} aria-hidden />
          )
        }
      >
        {words}
      </Badge>
    </Tooltip>
  );
}
