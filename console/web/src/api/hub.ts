import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { ask } from "./client";
import { useSession } from "./session";
import type { Money, Page, Stage } from "./types";

export interface Secret {
  id: string;
  signature: string;
  public_key: string | null;
  created_at: string;
  expires_at: string | null;
}

export interface NewSecret extends Secret {
  secret: string;
}

export interface Endpoint {
  id: string;
  subscriber: string;
  url: string;
  description: string;
  filter: { types: string[]; stages: string[]; owners: string[]; amount_at_least: Money | null };
  ordered: boolean;
  status: "enabled" | "disabled";
  notice: string | null;
  failing_since: string | null;
  secrets: Secret[];
  backlog: { pending: number; oldest_at: string | null; next_attempt_at: string | null };
  created_at: string;
}

export type DeliveryState = "pending" | "delivered" | "given_up" | "dropped";

export interface Delivery {
  event_id: string;
  type: string;
  subject: string;
  state: DeliveryState;
  attempts: number;
  next_attempt_at: string | null;
  created_at: string;
  ended_at: string | null;
}

export interface Attempt {
  at: string;
  duration_ms: number;
  outcome: string;
  status: number | null;
  url: string;
  request_headers: Record<string, unknown>;
  request_body: string;
  response_headers: Record<string, unknown>;
  response_body: string;
  error: string;
}

export interface ReplayWanted {
  from?: string;
  to?: string;
  types: string[];
  subject?: string;
  journey?: string;
}

export interface Matching {
  matched: number;
  /** False: at least so many. */
  complete: boolean;
}

export interface Replay {
  id: string;
  types: string[];
  subject: string | null;
  journey: string | null;
  from: string | null;
  to: string | null;
  state: "running" | "ended" | "cancelled";
  looked_through: number;
  matched: number;
  queued: number;
  delivered: number;
  given_up: number;
  dropped: number;
  pending: number;
  asked_by: string;
  created_at: string;
  ended_at: string | null;
}

export interface Subscriber {
  name: string;
  personal: boolean;
  stages: Stage[] | null;
  changed_at: string;
}

export function useEndpoints() {
  return useQuery({
    queryKey: ["endpoints"],
    queryFn: async ({ signal }) =>
      (await ask<Page<Endpoint>>("/hub/endpoints", { signal, query: { limit: 200 } })).items,
    refetchInterval: 15_000,
  });
}

export function useEndpoint(id: string) {
  return useQuery({
    queryKey: ["endpoint", id],
    queryFn: ({ signal }) => ask<Endpoint>(`/hub/endpoints/${id}`, { signal }),
    refetchInterval: 10_000,
  });
}

export function useDeliveries(id: string, state: string | null) {
  return useInfiniteQuery({
    queryKey: ["deliveries", id, state],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      ask<Page<Delivery>>(`/hub/endpoints/${id}/deliveries`, {
        signal,
        query: { state, cursor: pageParam, limit: 50 },
      }),
    getNextPageParam: (page) => page.next,
  });
}

export function useReplays(id: string) {
  return useInfiniteQuery({
    queryKey: ["replays", id],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      ask<Page<Replay>>(`/hub/endpoints/${id}/replays`, {
        signal,
        query: { cursor: pageParam, limit: 10 },
      }),
    getNextPageParam: (page) => page.next,
    refetchInterval: ({ state }) =>
      state.data?.pages.some(({ items }) => items.some((replay) => replay.state === "running"))
        ? 2_000
        : 15_000,
  });
}

export function useDelivery(id: string, eventId: string | null) {
  return useQuery({
    queryKey: ["delivery", id, eventId],
    queryFn: ({ signal }) =>
      ask<Delivery & { log: Attempt[] }>(`/hub/endpoints/${id}/deliveries/${eventId}`, { signal }),
    enabled: eventId !== null,
  });
}

export function useSubscribers() {
  return useQuery({
    queryKey: ["subscribers"],
    queryFn: ({ signal }) => ask<Subscriber[]>("/hub/subscribers", { signal }),
  });
}

export interface Straggler {
  type: string;
  instead: string;
  ends: string | null;
  subscriber: string;
  endpoint_id: string;
  url: string;
  pattern: string | null;
  last_delivered_at: string | null;
}

/** Endpoints that still get an old version; for those who see all endpoints. */
export function useStragglers() {
  const { data: session } = useSession();
  return useQuery({
    queryKey: ["stragglers"],
    queryFn: ({ signal }) => ask<Straggler[]>("/hub/subscribers/stragglers", { signal }),
    enabled: session?.roles.some((role) => ["admin", "ops", "auditor"].includes(role)) ?? false,
  });
}

interface Told {
  path: string;
  method?: "POST" | "PUT" | "DELETE";
  body?: unknown;
}

/** Something changed at the hub; what is shown of it is asked for again. */
export function useHub<T = unknown>() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ path, method = "POST", body }: Told) => ask<T>(`/hub/${path}`, { method, body }),
    onSettled: () => client.invalidateQueries(),
  });
}
