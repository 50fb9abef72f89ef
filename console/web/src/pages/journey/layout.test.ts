import { describe, expect, it } from "vitest";

import { BREAK_MS, layOut, TARGET_PX, type Placed } from "./layout";

const mark = (id: string, lane: string, at: number): Placed => ({ id, lane, at });
const DAY = 86_400_000;

describe("journey axis", () => {
  it("keeps the order of time across lanes", () => {
    const marks = [
      mark("c", "order", 500),
      mark("a", "lead", 0),
      mark("b", "deal", 20),
      mark("d", "lead", 40 * DAY),
    ];
    const { x } = layOut(marks);
    const places = ["a", "b", "c", "d"].map((id) => x.get(id) ?? NaN);
    expect(places).toEqual([...places].sort((one, other) => one - other));
    expect(new Set(places).size).toBe(4);
  });

  it("makes every mark of a lane clickable, also at one instant", () => {
    const marks = Array.from({ length: 30 }, (_, n) => mark(`m${n}`, "billing", n < 20 ? 7 : 8));
    const places = [...layOut(marks).x.values()].sort((one, other) => one - other);
    for (const [n, place] of places.entries())
      if (n > 0) expect(place - (places[n - 1] ?? 0)).toBeGreaterThanOrEqual(TARGET_PX);
  });

  it("breaks long pauses with their duration, and no short ones", () => {
    const { breaks, x } = layOut([
      mark("a", "lead", 0),
      mark("b", "lead", BREAK_MS - 1),
      mark("c", "deal", BREAK_MS - 1 + 9 * DAY),
    ]);
    expect(breaks.map(({ ms }) => ms)).toEqual([9 * DAY]);
    const at = breaks[0]?.x ?? 0;
    expect(at).toBeGreaterThan(x.get("b") ?? 0);
    expect(at).toBeLessThan(x.get("c") ?? 0);
  });

  it("draws a pause of nine days no wider than one of nine months", () => {
    const width = (pause: number) => layOut([mark("a", "lead", 0), mark("b", "deal", pause)]).width;
    expect(width(9 * DAY)).toBe(width(270 * DAY));
    expect(width(10)).toBeLessThan(width(60_000));
  });

  it("fills the available width and stays within it", () => {
    const { x, width } = layOut([mark("a", "lead", 0), mark("b", "deal", 900)], 800);
    expect(width).toBe(800);
    for (const place of x.values()) expect(place).toBeLessThan(800);
  });

  it("exists for a journey without marks", () => {
    expect(layOut([], 300)).toEqual({ x: new Map(), breaks: [], width: 300 });
  });
});
