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
  overdue_s: number;
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
}

export interface Reason {
  code: ReasonCode;
  sentence: string;
  since: string;
  hop: string | null;
  owner: string | null;
  gate: string | null;
  number: string | null;
  type: string | null;
  error: string | null;
  due_at: string | null;
  overdue_s: number;
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
  sequence: number;
  subject: string;
  source: string;
}

export interface OpenGate {
  gate: string;
  stage: Stage;
  owner: string;
  number: string;
  aggregate_id: string;
  opened_at: string;
  due_at: string;
  overdue: boolean;
  overdue_s: number;
  age_s: number;
}

export interface Parked {
  service: string;
  topic: string;
  key: string;
  status: string;
  attempts: number;
  error_class: string;
  error: string;
  waits_for: string | null;
  next_retry_at: string | null;
  parked_at: string;
  messages: number;
  trace_id: string | null;
}

export interface Act {
  service: string;
  at: string;
  actor: string;
  action: string;
  reason: string | null;
  outcome: string | null;
  before: unknown;
  after: unknown;
}

export interface Note {
  at: string;
  by: string | null;
  text: string;
  type: string;
  number: string | null;
}

export interface Asked {
  service: string;
  status: "ok" | "away" | "forbidden" | "refused" | "not asked";
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
  parked: Parked[];
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
  unfolded: number;
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
