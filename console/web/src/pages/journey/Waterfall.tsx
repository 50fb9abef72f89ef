import { Anchor, Button, Group, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useSpans } from "../../api/journeys";
import { useSession } from "../../api/session";
import type { Span } from "../../api/types";
import { Failure, Loading } from "../../ui/states";

function Bars({ spans }: { spans: Span[] }) {
  const { t } = useTranslation();
  const end = Math.max(...spans.map((span) => span.start_offset_ms + span.duration_ms), 1);
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys
    <div className="waterfall" tabIndex={0} role="group" aria-label={t("waterfall.spans")}>
      {spans.map((span, index) => (
        <div className="span" key={index}>
          <Text size="xs" truncate style={{ paddingLeft: Math.min(span.depth, 14) * 10 }}>
            <b>{span.service}</b> {span.name}
            {span.failed && <span className="late"> · {t("waterfall.failed")}</span>}
          </Text>
          <div className="spanTrack" aria-hidden>
            <div
              className="spanBar"
              data-failed={span.failed || undefined}
              style={{
                left: `${(100 * span.start_offset_ms) / end}%`,
                width: `max(2px, ${(100 * span.duration_ms) / end}%)`,
              }}
            />
          </div>
          <Text size="xs" className="figure" ta="right">
            {span.duration_ms.toFixed(1)} ms
          </Text>
        </div>
      ))}
    </div>
  );
}

/** The spans of its traces, as far as they were sampled; the facts above need none of them. */
export function Waterfall({ asked, traceIds }: { asked: string; traceIds: string[] }) {
  const { t } = useTranslation();
  const [wanted, setWanted] = useState(false);
  const { data: session } = useSession();
  const spans = useSpans(asked, wanted);
  const jaeger = session?.links.jaeger;
  return (
    <>
      <Group gap="sm" mb="xs">
        {!wanted && (
          <Button size="xs" variant="default" onClick={() => setWanted(true)}>
            {t("waterfall.show", { count: traceIds.length })}
          </Button>
        )}
        {jaeger &&
          traceIds.slice(0, 5).map((id) => (
            <Anchor key={id} href={jaeger.replace("{trace_id}", id)} size="sm" ff="monospace">
              Jaeger {id.slice(0, 8)}
            </Anchor>
          ))}
      </Group>
      {wanted &&
        (spans.isPending ? (
          <Loading rows={4} />
        ) : spans.error ? (
          <Failure error={spans.error} retry={() => void spans.refetch()} />
        ) : spans.data.length === 0 ? (
          <Text c="dimmed">{t("waterfall.none")}</Text>
        ) : (
          <Bars spans={spans.data} />
        ))}
    </>
  );
}
