import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";

import { ask } from "./client";
import type { Hits, Journey, JourneyPage, Projection, Span, StuckPage } from "./types";
import type { Filters } from "../pages/journeys/filters";

const PAGE = 100;

export function useStuck(filters: Filters) {
  return useInfiniteQuery({
    queryKey: ["stuck", filters],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      ask<StuckPage>("/stuck", { signal, query: { ...filters, after: pageParam, limit: PAGE } }),
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  });
}

export function useJourneys(filters: Filters) {
  return useInfiniteQuery({
    queryKey: ["journeys", filters],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      ask<JourneyPage>("/journeys", {
        signal,
        query: { ...filters, after: pageParam, limit: PAGE },
      }),
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  });
}

export function useSearch(text: string) {
  const q = text.trim();
  return useQuery({
    queryKey: ["search", q],
    queryFn: ({ signal }) => ask<Hits>("/search", { signal, query: { q } }),
    enabled: q.length >= 2,
    placeholderData: keepPreviousData,
    staleTime: 5_000,
  });
}

/** Facts of a journey are told as they come. What a service does with a message that waits, and what
 *  became of an act, no fact tells. In milliseconds. */
function soonAgain(journey: Journey | undefined): number {
  if (journey?.actions.some((act) => act.outcome === "pending")) return 2_000;
  return journey?.parked.length ? 5_000 : 30_000;
}

export function useJourney(key: string) {
  return useQuery({
    queryKey: ["journey", key],
    queryFn: ({ signal }) => ask<Journey>(`/journeys/${encodeURIComponent(key)}`, { signal }),
    refetchInterval: ({ state }) => soonAgain(state.data),
  });
}

export function useSpans(key: string, wanted: boolean) {
  return useQuery({
    queryKey: ["spans", key],
    queryFn: ({ signal }) => ask<Span[]>(`/journeys/${encodeURIComponent(key)}/spans`, { signal }),
    enabled: wanted,
  });
}

export function useProjection() {
  return useQuery({
    queryKey: ["projection"],
    queryFn: ({ signal }) => ask<Projection>("/projection", { signal }),
    refetchInterval: 10_000,
  });
}
