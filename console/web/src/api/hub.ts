import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { ask } from "./client";
import type { components } from "./hub.schema";
import { useSession } from "./session";

/** The shapes are made from the hub's OpenAPI with every build, as `types.ts` tells. */
type Answers = components["schemas"];

export type NewSecret = Answers["NewSecret"];
export type Endpoint = Answers["EndpointView"];
export type NewEndpoint = Answers["NewEndpoint"];
export type Delivery = Answers["DeliveryView"];
export type DeliveryState = Delivery["state"];
export type Attempt = Answers["AttemptView"];
export type Subscriber = Answers["Subscriber"];
export type ReplayWanted = Omit<Answers["ReplayForm"], "dry_run">;
export type Matching = Answers["Matching"];
export type Replay = Answers["ReplayView"];
export type Straggler = Answers["Straggler"];

export function useEndpoints() {
  return useQuery({
    queryKey: ["endpoints"],
    queryFn: async ({ signal }) =>
      (
        await ask<Answers["Page_EndpointView_"]>("/hub/endpoints", {
          signal,
          query: { limit: 200 },
        })
      ).items,
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
      ask<Answers["Page_DeliveryView_"]>(`/hub/endpoints/${id}/deliveries`, {
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
      ask<Answers["Page_ReplayView_"]>(`/hub/endpoints/${id}/replays`, {
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
      ask<Answers["DeliveryLog"]>(`/hub/endpoints/${id}/deliveries/${eventId}`, { signal }),
    enabled: eventId !== null,
  });
}

export function useSubscribers() {
  return useQuery({
    queryKey: ["subscribers"],
    queryFn: ({ signal }) => ask<Subscriber[]>("/hub/subscribers", { signal }),
  });
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
