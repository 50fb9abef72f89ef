import type { Journey } from "../../api/types";

/** What stays in order: the messages of one key of one topic. */
export interface Lane {
  topic: string;
  key: string;
  stage: string;
  number: string | null;
}

/** The keys under which this journey's facts were said, whichever spoke last first. */
export function lanesOf(journey: Journey): Lane[] {
  const lanes = new Map<string, Lane>();
  for (const { stage, subject, number } of journey.steps.toReversed()) {
    const lane = lanes.get(subject);
    if (lane) lane.number ??= number;
    else lanes.set(subject, { topic: `ltc.${stage}.v1`, key: subject, stage, number });
  }
  return [...lanes.values()];
}
