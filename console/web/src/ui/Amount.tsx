import { useTranslation } from "react-i18next";

import type { Money } from "../api/types";
import { moneyIn } from "./words";

export function Amount({ money }: { money: Money | null }) {
  const { i18n } = useTranslation();
  return <span className="figure">{money ? moneyIn(i18n.language, money) : "–"}</span>;
}
