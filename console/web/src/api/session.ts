import { useQuery } from "@tanstack/react-query";

import { ask, Refused, rememberCsrf } from "./client";
import type { Session } from "./types";

/** Who is signed in; null for nobody. */
export function useSession() {
  return useQuery({
    queryKey: ["session"],
    queryFn: async ({ signal }) => {
      try {
        const session = await ask<Session>("/session", { signal });
        rememberCsrf(session.csrf_token ?? "");
        return session;
      } catch (error) {
        if (error instanceof Refused && error.status === 401) return null;
        throw error;
      }
    },
    staleTime: 60_000,
  });
}

export function signInPath(): string {
  const here = window.location.pathname + window.location.search;
  return `/session/sign-in?next=${encodeURIComponent(here)}`;
}

export function useMayAct(): boolean {
  const { data } = useSession();
  return data?.roles.some((role) => role === "ops" || role === "admin") ?? false;
}
