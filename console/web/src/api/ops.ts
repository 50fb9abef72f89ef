import { useMutation, useQueries, useQuery, useQueryClient } from "@tanstack/react-query";

import { ask } from "./client";
import type { components } from "./schema";
import { STAGES, type Asked } from "./types";

/** What services answer at `/ops`, which the console has too: one chassis, one OpenAPI. */
type Answers = components["schemas"];

/** Of which service, among the entries of all. */
type Of<T> = T & { service: string };

export type Change = Answers["Change"];
export type EditProposal = Of<Answers["Edit"]>;
export type FailureGroup = Of<Answers["FailureGroup"]>;
export type BulkRun = Of<Answers["BulkRun"]>;
/** An act on many, begun; without an id after a dry run. */
export type BulkStarted = Answers["Started"];
export type Try = Answers["Try"];
/** What a service of an older version does not tell of a message. */
type Late = "schema_version" | "understood_versions" | "service_version" | "tries";
export type WaitingMessage = Omit<Answers["ParkedMessage"], Late> &
  Partial<Pick<Answers["ParkedMessage"], Late>>;
export type Proposed = Answers["Proposed"];
export type Replayed = Answers["Replay"];

/** The entries of all services that answered, and who did not. */
type Merged<T> = Omit<Answers["Merged"], "items"> & { items: T[] };

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
        const edits = await ask<Answers["Edit"][]>(opsPath(service, "edits"), { signal, query });
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

const UNDER_WAY: BulkRun["status"][] = ["running", "paused"];

/** Acts on many, of all services: what is under way first, then the newest. */
export function useBulkRuns() {
  return useQuery({
    queryKey: ["bulk"],
    queryFn: ({ signal }) => ask<Merged<BulkRun>>("/bulk", { signal, query: { limit: 20 } }),
    refetchInterval: ({ state }) =>
      state.data?.items.some(({ status }) => UNDER_WAY.includes(status)) ? 1_000 : 10_000,
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
