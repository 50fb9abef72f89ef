import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

/** Under load something changes every second: lists are asked for less often. */
const LISTS_EVERY_MS = 3_000;

interface Changed {
  journeys: string[];
}

/** Hears what changes and has it asked again; what is shown stays until the new answer is there.
 *  Long lists are left alone: asked anew they would move under the reader, who gets a hint. */
export function useLive(enabled: boolean): boolean {
  const client = useQueryClient();
  const [hearing, setHearing] = useState(false);
  useEffect(() => {
    if (!enabled) return;
    let listed = 0;
    const source = new EventSource("/live");
    source.addEventListener("open", () => setHearing(true));
    source.addEventListener("error", () => setHearing(false));
    source.addEventListener("changed", (event) => {
      const { journeys } = JSON.parse((event as MessageEvent<string>).data) as Changed;
      const touched = new Set(journeys);
      const lists = Date.now() - listed > LISTS_EVERY_MS;
      if (lists) listed = Date.now();
      void client.invalidateQueries({
        predicate: ({ queryKey: [kind], state }) => {
          if (kind === "journey" || kind === "spans") {
            const shown = (state.data as { journey_id?: string } | undefined)?.journey_id;
            return kind === "journey" && shown !== undefined && touched.has(shown);
          }
          const pages = (state.data as { pages?: unknown[] } | undefined)?.pages;
          return lists && (kind === "stuck" || kind === "journeys") && (pages?.length ?? 0) <= 1;
        },
      });
    });
    return () => {
      source.close();
      setHearing(false);
    };
  }, [enabled, client]);
  return hearing;
}
