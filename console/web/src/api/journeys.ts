import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";

import { ask } from "./client";
import { againAfter } from "./pace";
import type { Hits, Journey, JourneyPage, Projection, Span, StuckPage } from "./types";
import type { Filters } from "../pages/journeys/filters";

const PAGE = 100;
/** Nobody tells that something has become overdue, or that a service is away. */
const STUCK_EVERY_MS = 10_000;

/** Asked anew, a long list would move under its reader. */
export function isShort(list: { pages: unknown[] } | undefined): boolean {
  return (list?.pages.length ?? 0) <= 1;
}

export function useStuck(filters: Filters) {
  return useInfiniteQuery({
    queryKey: ["stuck", filters],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      ask<StuckPage>("/stuck", { signal, query: { ...filters, after: pageParam, limit: PAGE } }),
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => isShort(state.data) && STUCK_EVERY_MS,
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

export function useJourney(key: string) {
  return useQuery({
    queryKey: ["journey", key],
    queryFn: ({ signal }) => ask<Journey>(`/journeys/${encodeURIComponent(key)}`, { signal }),
    refetchInterval: ({ state }) => againAfter(state.data),
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
