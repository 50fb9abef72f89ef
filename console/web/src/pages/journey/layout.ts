/** Places moments of milliseconds and of months on one readable axis. */

export interface Placed {
  id: string;
  lane: string;
  at: number;
}

export interface Break {
  x: number;
  ms: number;
}

export interface Layout {
  x: Map<string, number>;
  breaks: Break[];
  width: number;
}

/** Two marks of a lane stay so far apart that each can be hit. */
export const TARGET_PX = 26;
/** Marks of different lanes need less: they are told apart by their lane. */
const NEAR_PX = 12;
/** A pause longer than this is not drawn to scale but broken, with its length written in. */
export const BREAK_MS = 30 * 60_000;
const BREAK_PX = 64;
const EDGE_PX = 26;

/** How wide a pause is drawn: it grows with its logarithm, so that order and rhythm can be read. */
function gapPx(ms: number): number {
  if (ms >= BREAK_MS) return BREAK_PX;
  return NEAR_PX + 9 * Math.log10(1 + ms / 20);
}

/** Positions in the order of time. Never two of one lane on top of each other, never out of order. */
export function layOut(marks: Placed[], atLeast = 0): Layout {
  const sorted = [...marks].sort((a, b) => a.at - b.at);
  const x = new Map<string, number>();
  const breaks: Break[] = [];
  const lastIn = new Map<string, number>();
  let here = EDGE_PX;
  let before: number | null = null;
  for (const mark of sorted) {
    if (before !== null && mark.at > before) {
      const pause = mark.at - before;
      if (pause >= BREAK_MS) breaks.push({ x: here + BREAK_PX / 2, ms: pause });
      here += gapPx(pause);
    }
    const free = (lastIn.get(mark.lane) ?? -Infinity) + TARGET_PX;
    here = Math.max(here, free);
    x.set(mark.id, here);
    lastIn.set(mark.lane, here);
    before = mark.at;
  }
  return stretched({ x, breaks, width: here + EDGE_PX }, atLeast);
}

/** A short story fills the width that is there. */
function stretched(layout: Layout, atLeast: number): Layout {
  const factor = Math.min(2.2, (atLeast - 2 * EDGE_PX) / (layout.width - 2 * EDGE_PX));
  if (!(factor > 1)) return { ...layout, width: Math.max(layout.width, atLeast) };
  const wide = (at: number) => EDGE_PX + (at - EDGE_PX) * factor;
  return {
    x: new Map([...layout.x].map(([id, at]) => [id, wide(at)])),
    breaks: layout.breaks.map((gap) => ({ ...gap, x: wide(gap.x) })),
    width: Math.max(atLeast, wide(layout.width - EDGE_PX) + EDGE_PX),
  };
}
