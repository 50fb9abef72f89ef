import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { useTranslation } from "react-i18next";

import type { Summary } from "../../api/types";
import { Amount } from "../../ui/Amount";
import { ReasonBadge } from "../../ui/ReasonBadge";
import { SlaBar } from "../../ui/SlaBar";
import { When } from "../../ui/When";
import { gateWords, ownerWords, sentenceIn } from "../../ui/words";

/** By what people call it: the number of the furthest stage. */
function nameOf(row: Summary): string {
  const numbers = Object.values(row.numbers);
  return row.numbers[row.stage] ?? numbers.at(-1) ?? row.journey_id.slice(0, 8);
}

/** Made once: while one scrolls, only the rows that come into view are made. */
export const JourneyRow = memo(function JourneyRow({
  row,
  top,
  index,
  now,
}: {
  row: Summary;
  top: number;
  index: number;
  now: number;
}) {
  const { t, i18n } = useTranslation();
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      className="row"
      style={{ position: "absolute", top, left: 0, right: 0 }}
      title={sentenceIn(i18n.language, row, t)}
    >
      <div role="cell" className="journey">
        <Link to="/j/$key" params={{ key: row.journey_id }} className="cover">
          {nameOf(row)}
        </Link>
        <small className="dim">{t(`stage.${row.stage}`)}</small>
      </div>
      <div role="cell" className="customer">
        {row.customer ?? "–"}
      </div>
      <div role="cell" className="amount">
        <Amount money={row.amount} />
      </div>
      <div role="cell" className="reason">
        <ReasonBadge reason={row.reason} state={row.state} />
      </div>
      <div role="cell" className="waits">
        {row.gate ? gateWords(row.gate, t) : "–"}
        <small className="dim">{row.owner ? ownerWords(row.owner, t) : ""}</small>
      </div>
      <div role="cell" className="sla">
        <SlaBar deadline={row} now={now} />
      </div>
      <div role="cell" className="quiet">
        <When at={row.last_fact_at} />
      </div>
    </div>
  );
});
