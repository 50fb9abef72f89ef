import {
  IconActivity,
  IconAlertOctagon,
  IconBook2,
  IconChecklist,
  IconRoute,
  IconServer2,
  IconStack2,
  IconUsersGroup,
  IconWebhook,
  type Icon,
} from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";

interface Place {
  to:
    | "/"
    | "/journeys"
    | "/failures"
    | "/edits"
    | "/topics"
    | "/services"
    | "/catalogue"
    | "/webhooks"
    | "/subscribers";
  name: string;
  icon: Icon;
  key?: string;
}

/** Where one can go; with g and the key from anywhere. */
export const PLACES: Place[] = [
  { to: "/", name: "stuck", icon: IconAlertOctagon, key: "s" },
  { to: "/journeys", name: "journeys", icon: IconRoute, key: "j" },
  { to: "/failures", name: "failures", icon: IconActivity, key: "f" },
  { to: "/edits", name: "edits", icon: IconChecklist, key: "e" },
  { to: "/topics", name: "topics", icon: IconStack2, key: "t" },
  { to: "/services", name: "services", icon: IconServer2, key: "v" },
  { to: "/catalogue", name: "catalogue", icon: IconBook2, key: "c" },
  { to: "/webhooks", name: "webhooks", icon: IconWebhook, key: "w" },
  { to: "/subscribers", name: "subscribers", icon: IconUsersGroup },
];

const SOON_MS = 1200;

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input, textarea, select") !== null;
}

export function useKeys(): void {
  const navigate = useNavigate();
  useEffect(() => {
    let pressed = 0;
    const onKey = (event: KeyboardEvent) => {
      if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "g") {
        pressed = event.timeStamp;
        return;
      }
      const place = PLACES.find(({ key }) => key === event.key);
      if (place && pressed && event.timeStamp - pressed < SOON_MS) {
        event.preventDefault();
        void navigate({ to: place.to });
      }
      pressed = 0;
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [navigate]);
}
