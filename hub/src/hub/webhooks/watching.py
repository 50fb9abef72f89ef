"""What webhooks are watched by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from opentelemetry.metrics import CallbackOptions, Observation
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import bulk
from chassis.metrics import Metrics
from hub.webhooks.queue import Done
from hub.webhooks.retrying import State

NAMED = 10
"""Endpoints whose backlog is told one by one; what waits for all others is told as one number, so
that the number of series is bounded."""
OTHER = "other"

ENDPOINTS = """
SELECT count(*) FILTER (WHERE NOT enabled),
       count(*) FILTER (WHERE enabled AND failing_since IS NOT NULL),
       max(extract(epoch FROM now() - greatest(due.next_at, e.quiet_until)))
         FILTER (WHERE enabled AND failing_since IS NULL)
FROM endpoint e LEFT JOIN LATERAL (
  SELECT d.next_at FROM delivery d WHERE d.endpoint_id = e.id AND d.turn
  ORDER BY d.next_at LIMIT 1) due ON true
"""
BACKLOGS = """
SELECT endpoint_id::text, count(*), extract(epoch FROM now() - min(created_at))
FROM delivery WHERE state = 'pending' GROUP BY endpoint_id ORDER BY 2 DESC
"""


class Instruments:
    """Counters of what was sent, gauges of what waits."""

    def __init__(self, metrics: Metrics) -> None:
        meter = metrics.provider.get_meter("hub")
        gauge = meter.create_gauge
        self._attempts = meter.create_counter("ltc.webhook.attempts", "{attempt}", "By outcome")
        self._ended = meter.create_counter(
            "ltc.webhook.deliveries", "{delivery}", "Ended, by the state they ended in"
        )
        for state in State:
            if state is not State.PENDING:
                self._ended.add(0, {"state": state.value})  # so that the first is an increase
        self._disabled = gauge(
            "ltc.webhook.endpoints.disabled", "{endpoint}", "Switched off, backlog growing"
        )
        self._failing = gauge(
            "ltc.webhook.endpoints.failing", "{endpoint}", "Accept nothing at present"
        )
        self._backlog = gauge("ltc.webhook.backlog", "{delivery}", "Not yet delivered")
        self._oldest = gauge("ltc.webhook.backlog.age", "s", "Oldest not delivered")
        self._due = gauge("ltc.webhook.due.age", "s", "How long the longest due is not sent")
        self._backlogs: dict[str, int] = {}
        self._by_endpoint = meter.create_observable_gauge(
            "ltc.webhook.endpoint.backlog", [self._observed], "{delivery}", "The largest backlogs"
        )

    def _observed(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(n, {"endpoint": name}) for name, n in self._backlogs.items()]

    def recorded(self, done: Sequence[Done]) -> None:
        """What became of deliveries."""
        for outcome, count in Counter(d.result.outcome for d in done if d.result).items():
            self._attempts.add(count, {"outcome": outcome.value})
        for state, count in Counter(d.state for d in done).items():
            if state is not State.PENDING:
                self._ended.add(count, {"state": state.value})

    async def report(self, engine: AsyncEngine) -> None:
        """Read what waits."""
        [(disabled, failing, due_s)] = await bulk.ask(engine, ENDPOINTS)
        backlogs = await bulk.ask(engine, BACKLOGS)
        self._disabled.set(disabled)
        self._failing.set(failing)
        self._due.set(max(0.0, float(due_s or 0)))
        self._backlog.set(sum(count for _, count, _ in backlogs))
        self._oldest.set(float(max((age for _, _, age in backlogs), default=0)))
        rest = sum(count for _, count, _ in backlogs[NAMED:])
        self._backlogs = {name: count for name, count, _ in backlogs[:NAMED]} | {OTHER: rest}
