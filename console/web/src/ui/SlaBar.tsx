import { useTranslation } from "react-i18next";

import { spell } from "./words";

export interface Deadline {
  since: string | null;
  due_at: string | null;
  overdue_s: number | null;
}

/** How much of the allowed time is used, 0–100, and whether it is over. */
export function used({ since, due_at, overdue_s }: Deadline, now: number): number | null {
  if (overdue_s !== null && overdue_s > 0) return 100;
  if (!since || !due_at) return null;
  const start = Date.parse(since);
  const end = Date.parse(due_at);
  if (end <= start) return 100;
  return Math.min(100, Math.max(0, (100 * (now - start)) / (end - start)));
}

/** Age against what was promised; the words say it too, colour only helps. */
export function SlaBar({ deadline, now }: { deadline: Deadline; now: number }) {
  const { t } = useTranslation();
  const share = used(deadline, now);
  const over = (deadline.overdue_s ?? 0) > 0;
  if (share === null) return "–";
  const left = deadline.due_at ? (Date.parse(deadline.due_at) - now) / 1000 : 0;
  const words = over
    ? t("sla.over", { for: spell(deadline.overdue_s ?? 0, t) })
    : t("sla.left", { for: spell(left, t) });
  return (
    <div className={over ? "used over" : share > 75 ? "used soon" : "used"}>
      <small className={over ? "late" : undefined}>{words}</small>
      <div className="share">
        <div style={{ width: `${share}%` }} />
      </div>
    </div>
  );
}
