import { STAGES, type Journey } from "../../api/types";

export type MarkKind = "fact" | "gate" | "overdue" | "note" | "action" | "parked";

/** One thing that happened, in the lane of the service where it did. */
export interface Mark {
  id: string;
  kind: MarkKind;
  lane: string;
  at: number;
  /** The fact's type, or what was done. */
  what: string;
  detail: string;
  cause: string | null;
}

/** `order-svc`, `order` → the lane; what belongs to none of the six is shown where it happened. */
export function laneOf(service: string, otherwise: string): string {
  const name = { invoice: "billing", payment: "billing" }[service] ?? service.replace(/-svc$/, "");
  return STAGES.find((stage) => stage === name) ?? otherwise;
}

export function marksOf(journey: Journey): Mark[] {
  const marks: Mark[] = journey.steps.map((step) => ({
    id: step.event_id,
    kind: /\.gate_overdue\./.test(step.type)
      ? "overdue"
      : /\.gate_/.test(step.type)
        ? "gate"
        : "fact",
    lane: step.stage,
    at: Date.parse(step.said_at),
    what: step.type,
    detail: step.number ?? "",
    cause: step.causation_id,
  }));
  for (const [index, note] of journey.notes.entries())
    marks.push({
      id: `note-${index}`,
      kind: "note",
      lane: laneOf(note.type.split(".")[1] ?? "", journey.stage),
      at: Date.parse(note.at),
      what: note.by ?? "",
      detail: note.text,
      cause: null,
    });
  for (const act of journey.actions)
    marks.push({
      id: `act-${act.id}`,
      kind: "action",
      lane: laneOf(act.service, journey.stage),
      at: Date.parse(act.at),
      what: act.action,
      detail: `${act.actor_name}: ${act.reason}`,
      cause: null,
    });
  for (const parked of journey.parked)
    marks.push({
      id: `parked-${parked.service}-${parked.topic}-${parked.key}`,
      kind: "parked",
      lane: laneOf(parked.service, journey.stage),
      at: Date.parse(parked.parked_at),
      what: parked.type ?? parked.topic,
      detail: `${parked.error_class}: ${parked.error}`,
      cause: parked.event_id ?? null,
    });
  return marks.sort((a, b) => a.at - b.at);
}
