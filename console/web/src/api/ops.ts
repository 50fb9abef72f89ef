import { useMutation, useQueries, useQuery, useQueryClient } from "@tanstack/react-query";

import { ask } from "./client";
import { STAGES, type Asked } from "./types";

export interface Change {
  op: "add" | "remove" | "replace";
  path: string;
  before: unknown;
  after: unknown;
}

export interface EditProposal {
  id: string;
  service: string;
  topic: string;
  key: string;
  type: string;
  event_id: string;
  journey_id: string;
  status: "proposed" | "approved" | "rejected";
  diff: Change[];
  reason: string;
  proposed_by: string;
  proposed_by_name: string;
  proposed_at: string;
}

export interface FailureGroup {
  service: string;
  fingerprint: string;
  error_class: string;
  error: string;
  type: string | null;
  consumer: string;
  keys: number;
  messages: number;
  first_at: string;
  last_at: string;
  retried_at: string | null;
  new_since_retry: number;
}

/** The entries of all services that answered, and who did not. */
export interface Merged<T> {
  items: T[];
  asked: Asked[];
}

/** An act on many, begun; without an id after a dry run. */
export interface BulkStarted {
  id: string | null;
  dry_run: boolean;
  keys: number;
  messages: number;
}

export interface BulkRun {
  id: string;
  action: "retry" | "skip";
  status: "running" | "paused" | "cancelled" | "done";
  per_second: number;
  keys: number;
  acted: number;
  moved_on: number;
  left: number;
}

export interface WaitingMessage {
  event_id: string;
  type: string | null;
  state: string;
  payload: string | null;
}

/** A path of a service's `/ops`, through the console; the service itself decides who may. What is
 *  called `order-svc` among services is `order` there. */
export function opsPath(service: string, ...parts: string[]): string {
  return `/services/${[service.replace(/-svc$/, ""), "ops", ...parts.map(encodeURIComponent)].join("/")}`;
}

/** Something done to the running system. Whatever is shown is asked for again afterwards. */
export function useAct<T = unknown>() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ path, body }: { path: string; body: unknown }) =>
      ask<T>(path, { method: "POST", body }),
    onSettled: () => client.invalidateQueries(),
  });
}

export function useFailures() {
  return useQuery({
    queryKey: ["failures"],
    queryFn: ({ signal }) => ask<Merged<FailureGroup>>("/failures", { signal }),
    refetchInterval: 10_000,
  });
}

/** Proposed edits of every service; one that does not answer is named, the others are shown. */
export function useEdits() {
  return useQueries({
    queries: STAGES.map((service) => ({
      queryKey: ["edits", service],
      queryFn: async ({ signal }: { signal: AbortSignal }) => {
        const query = { status: "proposed" };
        const edits = await ask<EditProposal[]>(opsPath(service, "edits"), { signal, query });
        return edits.map((edit) => ({ ...edit, service }));
      },
      refetchInterval: 15_000,
    })),
    combine: (answers) => ({
      edits: answers.flatMap((answer) => answer.data ?? []),
      away: STAGES.filter((_, index) => answers[index]?.error).map((service): Asked => ({
        service,
        status: "away",
        error: null,
      })),
      error: answers.find((answer) => answer.error)?.error,
      isPending: answers.some((answer) => answer.isPending),
      refused: answers.every((answer) => answer.error),
      refetch: () => answers.forEach((answer) => void answer.refetch()),
    }),
  });
}

export function useBulk(service: string, id: string | null) {
  return useQuery({
    queryKey: ["bulk", service, id],
    queryFn: ({ signal }) => ask<BulkRun>(opsPath(service, "bulk", id ?? ""), { signal }),
    enabled: id !== null,
    refetchInterval: ({ state }) =>
      state.data && ["done", "cancelled"].includes(state.data.status) ? false : 1_000,
  });
}

/** The messages of a parked key in their order, with their data. */
export function useWaiting(service: string, topic: string, key: string, wanted: boolean) {
  return useQuery({
    queryKey: ["waiting", service, topic, key],
    queryFn: ({ signal }) =>
      ask<WaitingMessage[]>(opsPath(service, "parked", topic, key), { signal }),
    enabled: wanted,
    staleTime: Infinity, // what is being edited does not change under the hand
    gcTime: 0,
  });
}
