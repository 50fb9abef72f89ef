/** What the console answers, by the names that pages use for it. The shapes are made from its
 *  OpenAPI with every build (`make pages`): when the console answers otherwise, the build breaks here. */

import type { components } from "./schema";

type Answers = components["schemas"];

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
] as const satisfies Answers["Code"][];
export type ReasonCode = Answers["Code"];

export const STAGES = ["lead", "deal", "quote", "contract", "order", "billing"] as const;
export type Stage = (typeof STAGES)[number];

export type Money = Answers["Worth"];
export type Summary = Answers["Listed"];
export type JourneyState = Summary["state"];
export type StuckPage = Answers["StuckPage"];
export type JourneyPage = Answers["JourneyPage"];
export type Hits = Answers["Hits"];
export type Hit = Answers["Hit"];
export type Journey = Answers["Journey"];
export type Step = Answers["Step"];
export type OpenGate = Journey["gates"][number];
export type Evidence = Answers["Proof"];
export type Parked = Answers["ParkedHead"];
export type Act = Journey["actions"][number];
export type Note = Answers["Note"];
export type Span = Answers["WaterfallRow"];
export type Projection = Answers["Projection"];
export type Session = Answers["Session"];

export type Asked = Answers["Asked"];
