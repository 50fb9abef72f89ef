import { useEffect, useState } from "react";

const EVERY_MS = 15_000;

/** The present, as exact as ages are shown. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const ticking = window.setInterval(() => setNow(Date.now()), EVERY_MS);
    return () => window.clearInterval(ticking);
  }, []);
  return now;
}
