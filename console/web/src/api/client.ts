/** One way to ask the console. An answer that is an error becomes a `Refused` with its words. */

export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly errors: { pointer: string; detail: string }[] = [],
  ) {
    super(detail || title);
    this.name = "Refused";
  }
}

export type Query = Record<string, string | number | boolean | null | undefined>;

let csrf = "";

/** The session's token: without it the console takes nothing but GET from a browser. */
export function rememberCsrf(token: string): void {
  csrf = token;
}

export function pathWith(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, v]) => v !== null && v !== undefined && v !== "");
  if (given.length === 0) return path;
  return `${path}?${new URLSearchParams(given.map(([k, v]) => [k, String(v)])).toString()}`;
}

async function refusal(response: Response): Promise<Refused> {
  const body: unknown = await response.json().catch(() => null);
  const problem = (body ?? {}) as Partial<Refused> & { errors?: Refused["errors"] };
  return new Refused(
    response.status,
    problem.title ?? response.statusText,
    problem.detail ?? "",
    problem.errors ?? [],
  );
}

interface Sent {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export async function ask<T>(path: string, sent: Sent = {}): Promise<T> {
  const { method = "GET", query, body, headers = {}, signal } = sent;
  const response = await fetch(pathWith(path, query), {
    method,
    signal,
    credentials: "same-origin",
    headers: {
      Accept: "application/json",
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...(method === "GET" ? {} : { "X-CSRF-Token": csrf }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!response.ok) throw await refusal(response);
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}
