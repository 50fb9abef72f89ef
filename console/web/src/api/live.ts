import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { isShort } from "./journeys";
import type { Journey } from "./types";

/** Under load something changes every second: lists are asked for less often. */
const LISTS_EVERY_MS = 3_000;

interface Changed {
  journeys: string[];
  /** Others changed as well, any of them. */
  more: boolean;
}

/** Hears what changes and has it asked again; what is shown stays until the new answer is there.
 *  Long lists are left alone: asked anew they would move under the reader, who gets a hint. */
export function useLive(enabled: boolean): boolean {
  const client = useQueryClient();
  const [hearing, setHearing] = useState(false);
  useEffect(() => {
    if (!enabled) return;
    let listed = 0;
    let listing: number | undefined;
    let missed = false;
    const list = () => {
      listed = Date.now();
      listing = undefined;
      void client.invalidateQueries({
        predicate: ({ queryKey: [kind], state }) =>
          (kind === "stuck" || kind === "journeys") &&
          isShort(state.data as { pages: unknown[] } | undefined),
      });
    };
    const touch = (journeys?: string[]) => {
      void client.invalidateQueries({
        queryKey: ["journey"],
        predicate: ({ state }) =>
          !journeys || journeys.includes((state.data as Journey | undefined)?.journey_id ?? ""),
      });
      listing ??= window.setTimeout(list, Math.max(0, listed + LISTS_EVERY_MS - Date.now()));
    };
    const source = new EventSource("/live");
    source.addEventListener("error", () => {
      missed = true;
      setHearing(false);
    });
    source.addEventListener("open", () => {
      setHearing(true);
      if (missed) touch();
      missed = false;
    });
    source.addEventListener("changed", (event) => {
      const { journeys, more } = JSON.parse((event as MessageEvent<string>).data) as Changed;
      touch(more ? undefined : journeys);
    });
    return () => {
      source.close();
      window.clearTimeout(listing);
      setHearing(false);
    };
  }, [enabled, client]);
  return hearing;
}
