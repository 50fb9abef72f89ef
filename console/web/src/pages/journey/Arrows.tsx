import type { Mark } from "./marks";

interface Arrow {
  id: string;
  from: Mark;
  to: Mark;
}

function arrowsOf(marks: Mark[]): Arrow[] {
  const byId = new Map(marks.map((mark) => [mark.id, mark]));
  return marks.flatMap((mark) => {
    const from = mark.cause ? byId.get(mark.cause) : undefined;
    return from && from !== mark ? [{ id: mark.id, from, to: mark }] : [];
  });
}

const CLEAR_PX = 9;

/** What led to what: from each fact to those that were said because of it. */
export function Arrows({
  marks,
  x,
  y,
  lit,
}: {
  marks: Mark[];
  x: Map<string, number>;
  y: (lane: string) => number;
  lit: string | null;
}) {
  return (
    <g aria-hidden className="arrows">
      <defs>
        <marker
          id="tip"
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerWidth="7"
          markerHeight="7"
          orient="auto"
        >
          <path d="M0 0.5 L8 4 L0 7.5 z" />
        </marker>
      </defs>
      {arrowsOf(marks).map(({ id, from, to }) => {
        const [x1, y1] = [x.get(from.id) ?? 0, y(from.lane)];
        const [x2, y2] = [x.get(to.id) ?? 0, y(to.lane)];
        const across = Math.max(18, Math.abs(x2 - x1) / 2);
        const d =
          y1 === y2
            ? `M${x1 + CLEAR_PX} ${y1} H${x2 - CLEAR_PX}`
            : `M${x1} ${y1 + Math.sign(y2 - y1) * CLEAR_PX} C${x1} ${(y1 + y2) / 2}, ${x2 - across} ${y2}, ${x2 - CLEAR_PX} ${y2}`;
        return (
          <path
            key={id}
            d={d}
            markerEnd="url(#tip)"
            data-lit={from.id === lit || to.id === lit || undefined}
          />
        );
      })}
    </g>
  );
}
