import { Loader, Text } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";

import type { Summary } from "../../api/types";
import { Failure } from "../../ui/states";
import { useNow } from "../../ui/useNow";
import { JourneyRow } from "./JourneyRow";

const ROW_PX = 52;
const AHEAD = 30;

interface Growing {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  error: unknown;
  fetchNextPage: () => unknown;
}

function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>("a.cover")];
  const next = links[links.indexOf(document.activeElement as HTMLElement) + step];
  if (next) {
    event.preventDefault();
    next.focus();
  }
}

/** As many journeys as there are: only those in view are in the page, more come while one scrolls. */
export function JourneyTable({
  rows,
  list,
  caption,
}: {
  rows: Summary[];
  list: Growing;
  caption: string;
}) {
  const { t } = useTranslation();
  const scroller = useRef<HTMLDivElement>(null);
  const now = useNow();
  // eslint-disable-next-line react-hooks/incompatible-library -- it re-renders by itself on scroll
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
    getItemKey: (index) => rows[index]?.journey_id ?? index,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  const wanted =
    list.hasNextPage && !list.isFetchingNextPage && !list.error && last > rows.length - AHEAD;
  useEffect(() => {
    if (wanted) list.fetchNextPage();
  }, [wanted, list]);
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- arrows move focus between its links
    <div
      ref={scroller}
      className="rows"
      role="table"
      aria-label={caption}
      aria-rowcount={list.hasNextPage ? -1 : rows.length + 1}
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys
      tabIndex={0}
      onKeyDown={moveFocus}
    >
      <div role="rowgroup" className="heads">
        <div role="row" className="row" aria-rowindex={1}>
          {["journey", "customer", "amount", "reason", "waits", "sla", "quiet"].map((name) => (
            <div role="columnheader" key={name} className={name}>
              {t(`column.${name}`)}
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: "relative" }}>
        {items.map((item) => {
          const row = rows[item.index];
          return (
            row && (
              <JourneyRow key={item.key} row={row} top={item.start} index={item.index} now={now} />
            )
          );
        })}
      </div>
      {list.isFetchingNextPage && <Loader size="sm" m="sm" aria-label={t("loading")} />}
      {Boolean(list.error) && <Failure error={list.error} retry={() => list.fetchNextPage()} />}
      {!list.hasNextPage && (
        <Text size="xs" c="dimmed" p="xs">
          {t("list.end", { count: rows.length })}
        </Text>
      )}
    </div>
  );
}
