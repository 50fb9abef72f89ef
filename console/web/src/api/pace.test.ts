import { describe, expect, it } from "vitest";

import { againAfter } from "./pace";
import type { Journey, ReasonCode } from "./types";

const journey = (told: object) =>
  ({ state: "open", reason: null, actions: [], ...told }) as unknown as Journey;
const because = (code: ReasonCode) => journey({ reason: { code } });

describe("journey polling", () => {
  it.each(["SERVICE_DOWN", "OUTBOX_BACKLOG", "CONSUMER_LAG", "PARKED", "UNKNOWN"] as const)(
    "soon while a machine stands still: %s",
    (code) => expect(againAfter(because(code))).toBe(3_000),
  );

  it("is frequent while the journey moves, because it may get stuck", () => {
    expect(againAfter(journey({}))).toBe(3_000);
  });

  it.each(["WAITING_HUMAN", "WAITING_EXTERNAL", "TIMER"] as const)(
    "late while it waits: %s",
    (code) => expect(againAfter(because(code))).toBe(30_000),
  );

  it("is rare after the end and while nothing is known", () => {
    expect(againAfter(journey({ state: "settled" }))).toBe(30_000);
    expect(againAfter(undefined)).toBe(30_000);
  });

  it("is immediate while an action is in progress", () => {
    const acted = { actions: [{ outcome: "pending" }] };
    expect(againAfter(journey({ ...acted, state: "settled" }))).toBe(2_000);
  });
});
