import { describe, expect, it } from "vitest";

import { pathWith } from "../../api/client";
import { changed, filtersFrom } from "./filters";

describe("URL filters", () => {
  it("round-trip through the address", () => {
    const filters = filtersFrom({ stage: "order", reason: "PARKED", owner: "role:finance" });
    expect(filters).toEqual({ stage: "order", reason: "PARKED", owner: "role:finance" });
    expect(pathWith("/stuck", { ...filters, after: null, limit: 100 })).toBe(
      "/stuck?stage=order&reason=PARKED&owner=role%3Afinance&limit=100",
    );
  });

  it("omit invalid values", () => {
    const search = { stage: "kitchen", reason: 7, state: "lost", owner: "  ", over_sla: "no" };
    expect(filtersFrom(search)).toEqual({});
  });

  it("accept a number without quotes", () => {
    expect(filtersFrom({ q: 20260042, over_sla: true })).toEqual({ q: "20260042", over_sla: true });
  });

  it("remove one filter and keep the rest", () => {
    const filters = filtersFrom({ stage: "order", reason: "PARKED" });
    expect(changed(filters, { reason: undefined, q: "" })).toEqual({ stage: "order" });
  });
});
