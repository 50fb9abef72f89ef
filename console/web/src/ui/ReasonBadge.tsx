import { Badge } from "@mantine/core";
import {
  IconBuildingBank,
  IconCircleCheck,
  IconClockPause,
  IconHelpCircle,
  IconHourglassHigh,
  IconMailForward,
  IconMailOff,
  IconParking,
  IconPlayerPlay,
  IconPlugConnectedX,
  IconUser,
  type Icon,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import type { JourneyState, ReasonCode } from "../api/types";

/** Broken things are red, slow machinery is orange, waits are blue or grey: and each has its sign,
 *  so that no one needs the colour. */
export const SIGNS: Record<ReasonCode, { icon: Icon; color: string }> = {
  DEAD_LETTERED: { icon: IconMailOff, color: "red" },
  PARKED: { icon: IconParking, color: "red" },
  SERVICE_DOWN: { icon: IconPlugConnectedX, color: "red" },
  OUTBOX_BACKLOG: { icon: IconMailForward, color: "orange" },
  CONSUMER_LAG: { icon: IconHourglassHigh, color: "orange" },
  WAITING_HUMAN: { icon: IconUser, color: "harbour" },
  WAITING_EXTERNAL: { icon: IconBuildingBank, color: "grape" },
  TIMER: { icon: IconClockPause, color: "gray" },
  UNKNOWN: { icon: IconHelpCircle, color: "orange" },
};

export function ReasonBadge({
  reason,
  state = "open",
  size = "md",
}: {
  reason: ReasonCode | null;
  state?: JourneyState;
  size?: "sm" | "md" | "lg";
}) {
  const { t } = useTranslation();
  const calm = state === "open" ? { icon: IconPlayerPlay, color: "teal" } : null;
  const sign = (reason && SIGNS[reason]) ?? calm ?? { icon: IconCircleCheck, color: "gray" };
  const Sign = sign.icon;
  return (
    <Badge
      color={sign.color}
      variant="light"
      size={size}
      radius="sm"
      tt="none"
      leftSection={<Sign size={14} aria-hidden />}
    >
      {t(reason ? `reason.${reason}` : `state.${state}`)}
    </Badge>
  );
}
