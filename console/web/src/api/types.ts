/** What the console answers, as its API says it. */

export interface Money {
  amount: string;
  currency: string;
}

export const REASONS = [
  "DEAD_LETTERED",
  "PARKED",
  "SERVICE_DOWN",
  "OUTBOX_BACKLOG",
  "CONSUMER_LAG",
  "WAITING_HUMAN",
  "WAITING_EXTERNAL",
  "TIMER",
  "UNKNOWN",
] as const;
export type ReasonCode = (typeof REASONS)[number];

export const STAGES = ["lead", "deal", "quote", "contract", "order", "billing"] as const;
export type Stage = (typeof STAGES)[number];
export type JourneyState = "open" | "settled" | "ended";

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface Summary {
  journey_id: string;
  customer: string | null;
  amount: Money | null;
  stage: Stage;
  state: JourneyState;
  numbers: Record<string, string>;
  gate: string | null;
  owner: string | null;
  due_at: string | null;
  overdue_s: number | null;
  reason: ReasonCode | null;
  since: string | null;
  started_at: string;
  last_fact_at: string;
  sentence: string;
}

export interface StuckPage extends Page<Summary> {
  counts: Partial<Record<ReasonCode, number>>;
}

export interface Hit {
  journey_id: string;
  matched: { kind: string; value: string };
  customer: string | null;
  amount: Money | null;
  stage: Stage;
  state: JourneyState;
  reason: ReasonCode | null;
  sentence: string;
}

export interface Evidence {
  kind: string;
  text: string;
  service?: string | null;
  link?: string | null;
}

export interface Reason {
  code: ReasonCode;
  sentence: string;
  since: string | null;
  hop: string | null;
  owner: string | null;
  overdue_s: number | null;
  evidence: Evidence[];
}

export interface Step {
  event_id: string;
  type: string;
  stage: Stage;
  number: string | null;
  said_at: string;
  after_ms: number;
  causation_id: string | null;
  trace_id: string | null;
  payload: Record<string, unknown>;
  actor: string | null;
  sequence: number | null;
  subject: string | null;
  source: string | null;
  attempts: number | null;
}

export interface OpenGate {
  gate: string;
  stage: Stage;
  owner: string;
  number: string;
  opened_at: string;
  due_at: string;
  overdue: boolean;
  age_s: number;
}

export interface ParkedMessage {
  service: string;
  topic: string;
  key: string;
  event_id: string;
  type: string | null;
  state: string;
  attempts: number;
  error_class: string | null;
  error: string | null;
  waits_for: string | null;
  parked_at: string;
  next_retry_at: string | null;
  payload: string | null;
  outcome?: string | null;
}

export interface Act {
  id: string;
  service: string;
  at: string;
  actor_name: string;
  action: string;
  object_type: string;
  object_id: string;
  reason: string;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
  outcome?: "resolved" | "pending" | "failed_again" | null;
}

export interface Note {
  at: string;
  by: string;
  text: string;
  stage: Stage;
}

export interface Asked {
  service: string;
  status: "ok" | "away" | "forbidden";
  error: string | null;
}

export interface Journey {
  journey_id: string;
  summary: string;
  stage: Stage;
  state: JourneyState;
  settled: boolean;
  customer: string | null;
  amount: Money | null;
  owner: string | null;
  reason: Reason | null;
  gates: OpenGate[];
  numbers: Record<string, string>;
  trace_ids: string[];
  started_at: string;
  last_fact_at: string;
  steps: Step[];
  parked: ParkedMessage[];
  notes: Note[];
  actions: Act[];
  asked: Asked[];
}

export interface Span {
  depth: number;
  name: string;
  service: string;
  start_offset_ms: number;
  duration_ms: number;
  failed: boolean;
  trace_id: string;
}

export interface Projection {
  facts: number;
  journeys: number;
  lag_facts: number;
  lag_s: number;
  newest_fact_at: string | null;
}

export interface Session {
  sub: string;
  name: string;
  roles: string[];
  csrf_token: string | null;
  links: { jaeger: string | null };
}
