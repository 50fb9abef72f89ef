import { describe, expect, it } from "vitest";

import type { Flow } from "../../api/system";
import { STAGES } from "../../api/types";
import { drawing, totals } from "./drawing";

const quiet = Object.fromEntries(STAGES.map((stage) => [stage, Array<number>(60).fill(0)]));
const flow: Flow = {
  since: "2026-11-24T09:00:00Z",
  stages: { ...quiet, deal: [...Array<number>(58).fill(1), 4, 9] },
};

interface Drawn {
  xAxis: { data: string[] };
  series: { name: string; data: number[]; color: string; lineStyle: { type: unknown } }[];
}
const drawn = (scheme: "light" | "dark") =>
  drawing(
    flow,
    { scheme, font: "Inter", language: "en-GB" },
    (stage) => `<${stage}>`,
  ) as unknown as Drawn;

describe("chart of events per minute", () => {
  it("counts the current minute without drawing it as a fall", () => {
    expect(totals(flow)).toMatchObject({ lead: 0, deal: 58 + 4 + 9 });
    const [deal] = drawn("light").series.filter(({ name }) => name === "<deal>");
    expect(deal?.data).toHaveLength(59);
    expect(deal?.data.at(-1)).toBe(4);
    expect(drawn("light").xAxis.data).toHaveLength(59);
  });

  it("has a distinct line per stage in both themes", () => {
    for (const scheme of ["light", "dark"] as const) {
      const { series } = drawn(scheme);
      expect(series.map(({ name }) => name)).toEqual(STAGES.map((stage) => `<${stage}>`));
      expect(new Set(series.map(({ color }) => color)).size).toBe(STAGES.length);
    }
    expect(drawn("light").series[0]?.color).not.toBe(drawn("dark").series[0]?.color);
  });
});
