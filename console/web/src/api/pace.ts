import type { Journey, ReasonCode } from "./types";

/** What people and the calendar take their time for. All else is machines' and may be over soon. */
const SLOW: readonly ReasonCode[] = ["WAITING_HUMAN", "WAITING_EXTERNAL", "TIMER"];

/** After how long a journey is asked for again, in milliseconds, though no fact of it came in. That a
 *  service is back, has caught up or gave a message up, no fact tells; nor what became of an act. */
export function againAfter(journey: Journey | undefined): number {
  if (journey?.actions.some((act) => act.outcome === "pending")) return 2_000;
  if (journey?.state !== "open") return 30_000;
  return journey.reason && SLOW.includes(journey.reason.code) ? 30_000 : 3_000;
}
