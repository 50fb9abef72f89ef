import { describe, expect, it } from "vitest";

import { againAfter } from "./pace";
import type { Journey, ReasonCode } from "./types";

const journey = (told: object) =>
  ({ state: "open", reason: null, actions: [], ...told }) as unknown as Journey;
const because = (code: ReasonCode) => journey({ reason: { code } });

describe("a journey is asked for again", () => {
  it.each(["SERVICE_DOWN", "OUTBOX_BACKLOG", "CONSUMER_LAG", "PARKED", "UNKNOWN"] as const)(
    "soon while a machine stands still: %s",
    (code) => expect(againAfter(because(code))).toBe(3_000),
  );

  it("soon while it moves: it may come to stand still", () => {
    expect(againAfter(journey({}))).toBe(3_000);
  });

  it.each(["WAITING_HUMAN", "WAITING_EXTERNAL", "TIMER"] as const)(
    "late while it waits: %s",
    (code) => expect(againAfter(because(code))).toBe(30_000),
  );

  it("late once it has ended, and while nothing is known of it", () => {
    expect(againAfter(journey({ state: "settled" }))).toBe(30_000);
    expect(againAfter(undefined)).toBe(30_000);
  });

  it("at once when an act is under way", () => {
    const acted = { actions: [{ outcome: "pending" }] };
    expect(againAfter(journey({ ...acted, state: "settled" }))).toBe(2_000);
  });
});
