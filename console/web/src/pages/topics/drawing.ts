import type { EChartsCoreOption } from "echarts/core";

import { STAGES, type Stage } from "../../api/types";
import type { Flow } from "../../api/system";

/** How this page looks. */
export interface Look {
  scheme: "light" | "dark";
  font: string | undefined;
  language: string;
}

/** Each stage is told apart by its colour and by its stroke. */
const STROKES: Record<Stage, { light: string; dark: string; type: string | number[] }> = {
  lead: { light: "#1f6f8b", dark: "#7cc4dd", type: "solid" },
  deal: { light: "#b35900", dark: "#f0a35e", type: [8, 3] },
  quote: { light: "#6b4fa0", dark: "#b9a2e8", type: "solid" },
  contract: { light: "#2f7d32", dark: "#85c988", type: [2, 2] },
  order: { light: "#b3261e", dark: "#f28b82", type: "solid" },
  billing: { light: "#4a5560", dark: "#c9d1d8", type: [8, 3, 2, 3] },
};
const INK = { light: "#535b63", dark: "#a9b0b7" };
const RULE = { light: "#dde2e6", dark: "#2c343b" };
const GROUND = { light: "#ffffff", dark: "#15191d" };
const MINUTE_MS = 60_000;

/** How much each stage said in all, the minute under way as well. */
export function totals(flow: Flow): Record<Stage, number> {
  const sum = (stage: Stage) => (flow.stages[stage] ?? []).reduce((all, one) => all + one, 0);
  return Object.fromEntries(STAGES.map((stage) => [stage, sum(stage)])) as Record<Stage, number>;
}

/** A line a stage over the minutes that are over: the one under way would look like a fall. */
export function drawing(
  flow: Flow,
  { scheme, font, language }: Look,
  called: (stage: Stage) => string,
): EChartsCoreOption {
  const clock = new Intl.DateTimeFormat(language, { timeStyle: "short", hourCycle: "h23" });
  const began = new Date(flow.since).getTime();
  const over = Math.max(0, (flow.stages[STAGES[0]]?.length ?? 0) - 1);
  const text = { color: INK[scheme], fontFamily: font };
  return {
    animation: false,
    textStyle: text,
    legend: { top: 0, left: 0, itemWidth: 34, textStyle: text },
    grid: { top: 34, left: 8, right: 16, bottom: 4, outerBoundsMode: "same" },
    tooltip: {
      trigger: "axis",
      order: "valueDesc",
      confine: true,
      backgroundColor: GROUND[scheme],
      borderColor: RULE[scheme],
      textStyle: text,
    },
    xAxis: {
      type: "category",
      boundaryGap: false,
      data: Array.from({ length: over }, (_, n) => clock.format(began + n * MINUTE_MS)),
      axisLine: { lineStyle: { color: RULE[scheme] } },
      axisLabel: { color: INK[scheme] },
      axisTick: { show: false },
    },
    yAxis: {
      type: "value",
      minInterval: 1,
      axisLabel: { color: INK[scheme] },
      splitLine: { lineStyle: { color: RULE[scheme] } },
    },
    series: STAGES.map((stage) => ({
      type: "line",
      name: called(stage),
      data: (flow.stages[stage] ?? []).slice(0, over),
      symbol: "none",
      color: STROKES[stage][scheme],
      lineStyle: { width: 2, type: STROKES[stage].type },
    })),
  };
}
