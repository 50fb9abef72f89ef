import { Group, Text, UnstyledButton } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { REASONS, type ReasonCode } from "../../api/types";
import { SIGNS } from "../../ui/ReasonBadge";

/** How much waits for which reason; each narrows the list to itself. */
export function ReasonChips({
  counts,
  all,
  atLeast,
  chosen,
  onChoose,
}: {
  counts: Partial<Record<ReasonCode, number>>;
  all: number;
  atLeast: readonly ReasonCode[];
  chosen: ReasonCode | undefined;
  onChoose: (reason: ReasonCode | undefined) => void;
}) {
  const { t, i18n } = useTranslation();
  const number = new Intl.NumberFormat(i18n.language);
  const countOf = (reason: ReasonCode) =>
    number.format(counts[reason] ?? 0) + (atLeast.includes(reason) ? "+" : "");
  const shown = REASONS.filter(
    (reason) => counts[reason] || atLeast.includes(reason) || reason === chosen,
  );
  return (
    <Group gap={8} mb="sm" role="group" aria-label={t("stuck.byReason")}>
      <UnstyledButton
        className="chip"
        aria-pressed={!chosen}
        onClick={() => onChoose(undefined)}
        data-color="gray"
      >
        <Text span fw={680} className="figure">
          {number.format(all)}
        </Text>
        {t("stuck.all")}
      </UnstyledButton>
      {shown.map((reason) => {
        const { icon: Sign, color } = SIGNS[reason];
        return (
          <UnstyledButton
            key={reason}
            className="chip"
            aria-pressed={chosen === reason}
            onClick={() => onChoose(chosen === reason ? undefined : reason)}
            style={{ "--chip": `var(--mantine-color-${color}-6)` }}
          >
            <Sign size={16} aria-hidden />
            <Text span fw={680} className="figure">
              {countOf(reason)}
            </Text>
            {t(`reason.${reason}`)}
          </UnstyledButton>
        );
      })}
    </Group>
  );
}
