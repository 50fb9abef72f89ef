import { Group, Paper, Text } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useLayoutEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { STAGES, type Journey } from "../../api/types";
import { actWords, exactIn, factWords, spell } from "../../ui/words";
import { Arrows } from "./Arrows";
import { layOut } from "./layout";
import { LaneMark, Legend } from "./LaneMark";
import { marksOf, type Mark } from "./marks";

const LANE_PX = 46;
const AXIS_PX = 26;
const NAMES_PX = 92;

export function wordsOf(mark: Mark, t: ReturnType<typeof useTranslation>["t"]): string {
  if (mark.kind === "note") return t("mark.note", { by: mark.what });
  if (mark.kind === "action") return actWords(mark.what, t);
  const fact = factWords(mark.what, t);
  return mark.kind === "parked" ? t("mark.parked", { fact }) : fact;
}

/** The journey as it went through the services: one lane each, time from left to right. */
export function SwimLanes({
  journey,
  onOpen,
}: {
  journey: Journey;
  onOpen: (eventId: string) => void;
}) {
  const { t, i18n } = useTranslation();
  const { ref, width } = useElementSize();
  const marks = useMemo(() => marksOf(journey), [journey]);
  const layout = useMemo(() => layOut(marks, width - NAMES_PX - 4), [marks, width]);
  const scroller = useRef<HTMLDivElement>(null);
  // The story is read from its end: what matters now is on the right.
  const measured = width > 0;
  useLayoutEffect(() => {
    if (measured && scroller.current) scroller.current.scrollLeft = scroller.current.scrollWidth;
  }, [measured, journey.journey_id]);
  const [chosen, setChosen] = useState<string | null>(null);
  const [hovered, setHovered] = useState<string | null>(null);
  const shownId = hovered ?? chosen ?? marks.at(-1)?.id;
  const shown = marks.find((mark) => mark.id === shownId);
  const height = STAGES.length * LANE_PX + AXIS_PX;
  const y = (lane: string) => STAGES.indexOf(lane as never) * LANE_PX + LANE_PX / 2;
  const focusAt = (index: number) => {
    const mark = marks[Math.max(0, Math.min(marks.length - 1, index))];
    if (!mark) return;
    setChosen(mark.id);
    document.getElementById(`mark-${mark.id}`)?.focus();
  };
  return (
    <div ref={ref}>
      <div className="lanes">
        <ol className="laneNames" style={{ width: NAMES_PX }}>
          {STAGES.map((stage) => (
            <li key={stage} style={{ height: LANE_PX }}>
              {t(`stage.${stage}`)}
            </li>
          ))}
        </ol>
        <div className="laneScroll" ref={scroller}>
          <svg
            width={layout.width}
            height={height}
            role="group"
            aria-label={t("lanes.about", { count: marks.length })}
          >
            {STAGES.map((stage) => (
              <rect
                key={stage}
                className="laneTrack"
                x={0}
                y={STAGES.indexOf(stage) * LANE_PX}
                width={layout.width}
                height={LANE_PX}
              />
            ))}
            {layout.breaks.map((gap) => (
              <g key={gap.x} className="laneBreak">
                <path
                  d={`M${gap.x - 4} 0 V${height - AXIS_PX} M${gap.x + 4} 0 V${height - AXIS_PX}`}
                />
                <text x={gap.x} y={height - 9} textAnchor="middle">
                  {spell(gap.ms / 1000, t, 1)}
                </text>
              </g>
            ))}
            <Arrows marks={marks} x={layout.x} y={y} lit={shownId ?? null} />
            {marks.map((mark, index) => (
              <LaneMark
                key={mark.id}
                mark={mark}
                x={layout.x.get(mark.id) ?? 0}
                y={y(mark.lane)}
                lit={mark.id === shownId}
                tabbable={mark.id === (chosen ?? marks.at(-1)?.id)}
                label={`${t(`stage.${mark.lane}`)}: ${wordsOf(mark, t)}, ${exactIn(i18n.language, new Date(mark.at).toISOString())}. ${mark.detail}`}
                onHover={(over) => setHovered(over ? mark.id : null)}
                onFocus={() => setChosen(mark.id)}
                onMove={(step) => focusAt(index + step)}
                onOpen={() => onOpen(mark.kind === "parked" ? (mark.cause ?? mark.id) : mark.id)}
              />
            ))}
          </svg>
        </div>
      </div>
      <Group justify="space-between" align="flex-start" mt="xs">
        <Paper className="told" px="sm" py={6} aria-live="polite">
          {shown && (
            <Text size="sm">
              <b>{wordsOf(shown, t)}</b> · {t(`stage.${shown.lane}`)} ·{" "}
              {exactIn(i18n.language, new Date(shown.at).toISOString())}
              {shown.detail && <> · {shown.detail}</>}
            </Text>
          )}
        </Paper>
        <Legend />
      </Group>
    </div>
  );
}
