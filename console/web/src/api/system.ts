import { useQuery } from "@tanstack/react-query";

import { ask } from "./client";
import type { components } from "./schema";

type Answers = components["schemas"];

export type ConsumerGroup = Answers["GroupLag"];
export type Topic = Answers["Topic"];
export type Service = Answers["ServiceState"];
export type Flow = Answers["Flow"];
export type CatalogueFact = Answers["LiveFact"];

function useAsked<T>(path: string, everyMs: number) {
  return useQuery({
    queryKey: [path],
    queryFn: ({ signal }) => ask<T>(path, { signal }),
    refetchInterval: everyMs,
  });
}

export const useTopics = () => useAsked<Topic[]>("/topics", 5_000);
export const useFlow = () => useAsked<Flow>("/flow", 10_000);
export const useServices = () => useAsked<Service[]>("/services", 5_000);
export const useCatalogue = () => useAsked<CatalogueFact[]>("/catalogue/facts", 15_000);
