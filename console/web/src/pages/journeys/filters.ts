import { REASONS, STAGES, type JourneyState, type ReasonCode, type Stage } from "../../api/types";

/** What a list is narrowed to; kept in the address, so that a link shows the same. */
export interface Filters {
  stage?: Stage;
  reason?: ReasonCode;
  owner?: string;
  state?: JourneyState;
  q?: string;
  over_sla?: boolean;
}

const STATES: JourneyState[] = ["open", "settled", "ended"];

function one<T extends string>(value: unknown, of: readonly T[]): T | undefined {
  return of.find((known) => known === value);
}

function words(value: unknown): string | undefined {
  const text = typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
  return text || undefined;
}

/** The filters an address asks for; what makes no sense there is left out. */
export function filtersFrom(search: Record<string, unknown>): Filters {
  const read: Filters = {
    stage: one(search.stage, STAGES),
    reason: one(search.reason, REASONS),
    state: one(search.state, STATES),
    owner: words(search.owner),
    q: words(search.q),
    over_sla: search.over_sla === true || search.over_sla === "true" || undefined,
  };
  return Object.fromEntries(Object.entries(read).filter(([, v]) => v !== undefined));
}

export function changed(filters: Filters, change: Partial<Filters>): Filters {
  return filtersFrom({ ...filters, ...change });
}
