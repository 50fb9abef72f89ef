import { Group, Text } from "@mantine/core";
import type { KeyboardEvent, ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Mark, MarkKind } from "./marks";

/** Each kind has its own form: colour only repeats it. */
const FORMS: Record<MarkKind, ReactNode> = {
  fact: <circle r={6} />,
  gate: <path d="M0 -8 L8 0 L0 8 L-8 0 z" />,
  overdue: <path d="M0 -8 L8.5 7 H-8.5 z" />,
  note: <path d="M-7 -7 H7 V4 H0 L-4 9 V4 H-7 z" />,
  action: <path d="M-7 -7 H7 V7 H-7 z" />,
  parked: <path d="M-7 -7 L7 7 M7 -7 L-7 7" strokeWidth={4} />,
};

const MOVES: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, Home: -1e6, End: 1e6 };

export function LaneMark({
  mark,
  x,
  y,
  lit,
  tabbable,
  label,
  onHover,
  onFocus,
  onMove,
  onOpen,
}: {
  mark: Mark;
  x: number;
  y: number;
  lit: boolean;
  tabbable: boolean;
  label: string;
  onHover: (over: boolean) => void;
  onFocus: () => void;
  onMove: (step: number) => void;
  onOpen: () => void;
}) {
  const onKeyDown = (event: KeyboardEvent) => {
    const step = MOVES[event.key];
    if (step !== undefined) onMove(step);
    else if (event.key === "Enter" || event.key === " ") onOpen();
    else return;
    event.preventDefault();
  };
  return (
    <g
      id={`mark-${mark.id}`}
      className="mark"
      data-kind={mark.kind}
      data-lit={lit || undefined}
      transform={`translate(${x} ${y})`}
      role="button"
      tabIndex={tabbable ? 0 : -1}
      aria-label={label}
      onMouseEnter={() => onHover(true)}
      onMouseLeave={() => onHover(false)}
      onFocus={onFocus}
      onClick={onOpen}
      onKeyDown={onKeyDown}
    >
      <circle className="target" r={13} />
      {FORMS[mark.kind]}
    </g>
  );
}

export function Legend() {
  const { t } = useTranslation();
  return (
    <Group gap="md" aria-label={t("lanes.legend")} role="list">
      {(Object.keys(FORMS) as MarkKind[]).map((kind) => (
        <Group gap={5} key={kind} role="listitem">
          <svg width={20} height={20} viewBox="-10 -10 20 20" aria-hidden>
            <g className="mark" data-kind={kind}>
              {FORMS[kind]}
            </g>
          </svg>
          <Text size="xs">{t(`legend.${kind}`)}</Text>
        </Group>
      ))}
    </Group>
  );
}
