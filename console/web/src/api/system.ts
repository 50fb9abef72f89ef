import { useQuery } from "@tanstack/react-query";

import { ask } from "./client";
import type { Stage } from "./types";

export interface ConsumerGroup {
  group: string;
  lag: number;
  lag_s: number | null;
  members: number;
  state: string;
}

export interface Topic {
  topic: string;
  partitions: number;
  end: number;
  rate_per_s: number | null;
  groups: ConsumerGroup[];
}

export interface Service {
  service: string;
  status: "ready" | "starting" | "away";
  version: string | null;
  hearing: boolean | null;
  database_revision: string | null;
  outbox_rows: number | null;
  outbox_age_s: number | null;
  parked_keys: number | null;
  dead_keys: number | null;
  oldest_transaction_s: number | null;
  lag_s: number | null;
  error: string | null;
}

export interface CatalogueFact {
  type: string;
  stage: Stage;
  topic: string;
  producer: string;
  hearers: string[];
  versions: string[];
  description: string;
  facts_5m: number;
  last_seen_at: string | null;
  sample: Record<string, unknown> | null;
}

function useAsked<T>(path: string, everyMs: number) {
  return useQuery({
    queryKey: [path],
    queryFn: ({ signal }) => ask<T>(path, { signal }),
    refetchInterval: everyMs,
  });
}

export const useTopics = () => useAsked<Topic[]>("/topics", 5_000);
export const useServices = () => useAsked<Service[]>("/services", 5_000);
export const useCatalogue = () => useAsked<CatalogueFact[]>("/catalogue/facts", 15_000);
