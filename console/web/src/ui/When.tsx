import dayjs from "dayjs";
import { useTranslation } from "react-i18next";

import { exactIn } from "./words";

/** A moment as its age, exact on hover and for readers of the screen. */
export function When({ at, exact = false }: { at: string | null | undefined; exact?: boolean }) {
  const { i18n } = useTranslation();
  if (!at) return "–";
  const full = exactIn(i18n.language, at);
  const age = dayjs(at)
    .locale(i18n.language === "zh-CN" ? "zh-cn" : "en")
    .fromNow();
  return (
    <time dateTime={at} title={exact ? age : full}>
      {exact ? full : age}
    </time>
  );
}
