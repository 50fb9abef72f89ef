const KEPT = "console.recent";
const MOST = 8;

/** What was looked for here before, the latest first. */
export function recent(): string[] {
  try {
    const kept: unknown = JSON.parse(window.localStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(kept) ? kept.filter((key) => typeof key === "string") : [];
  } catch {
    return [];
  }
}

export function remember(key: string): void {
  const others = recent().filter((other) => other !== key);
  window.localStorage.setItem(KEPT, JSON.stringify([key, ...others].slice(0, MOST)));
}
