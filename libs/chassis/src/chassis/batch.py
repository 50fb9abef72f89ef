"""A poll's messages in one transaction: admitted, handled in order, their effects written in bulk.

A message that fails is taken back in memory and its key parked, and the rest of the batch goes on.
Only when a handler wrote SQL of its own, or the database refused the flush, is the batch bisected
by key until the culprit stands alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from uuid import UUID

from chassis import failpoints, inbox, observing, parking, tracing, tries
from chassis.consumer import Consumer
from chassis.db import Database
from chassis.delivery import Delivery, Record, decode
from chassis.domain import DependencyMissing, DomainError
from chassis.failures import Systematic, is_infrastructure
from chassis.metrics import Metrics
from chassis.outbox import Cause
from chassis.parking import Lane
from chassis.repository import prefetch
from chassis.transaction import Transaction
from chassis.tries import Process
from contracts.envelope import peek_type
from contracts.event import Event

logger = logging.getLogger(__name__)

ALIKE = 20
"""Distinct keys failing alike in one batch before the surroundings are suspected."""
SUSPICIONS = 5
"""Rounds of waiting for the surroundings before the messages are blamed after all."""


@dataclass(slots=True)
class _Failures:
    """The messages of one attempt that could not be handled, and everything behind them."""

    heads: list[tuple[Delivery, Exception]] = field(default_factory=list)
    behind: list[Delivery] = field(default_factory=list)
    aside: list[tuple[Delivery, Exception]] = field(default_factory=list)
    """Those that hold up nothing: see `Consumer.observes`."""

    def systematic(self, lanes: int) -> str | None:
        classes = Counter(
            type(error).__name__
            for _, error in self.heads + self.aside
            if not isinstance(error, DomainError | DependencyMissing)
        )
        if not classes:
            return None
        name, count = classes.most_common(1)[0]
        return name if count >= ALIKE and count * 2 >= lanes else None


def causal(deliveries: list[Delivery]) -> list[Delivery]:
    """The batch by the time of its events, each lane in its own order.

    A cause is usually older than its consequence, so most of what would have to wait for something
    in the same poll does not. Clocks may disagree; the order within a lane never depends on them.
    """
    lanes: dict[Lane, list[Delivery]] = {}
    for delivery in deliveries:
        lanes.setdefault(delivery.lane, []).append(delivery)
    by_time = sorted(deliveries, key=lambda d: d.envelope.time.timestamp() if d.envelope else 0.0)
    queues = {lane: iter(queue) for lane, queue in lanes.items()}
    return [next(queues[delivery.lane]) for delivery in by_time]


class BatchProcessor:
    """Handles what one consumer polls. `process` returns when every message has its verdict:
    applied, ignored as a duplicate, or parked."""

    def __init__(
        self, database: Database, consumer: Consumer, metrics: Metrics, by: Process | None = None
    ) -> None:
        self.by = by or Process()
        self._database = database
        self._consumer = consumer
        self._metrics = metrics
        self._suspicions = 0

    def decode(self, records: Sequence[Record]) -> list[Delivery]:
        """The records that this consumer listens to; others are counted and ignored."""
        deliveries: list[Delivery] = []
        ignored = 0
        for record in records:
            event_type = peek_type(record.headers)
            fact = self._consumer.fact(event_type) if event_type else None
            if fact is not None:
                deliveries.append(self.read(record, fact))
            elif not event_type:
                deliveries.append(self.typeless(record))
            else:
                ignored += 1
        if ignored:
            self._metrics.ignored(ignored)
        return causal(deliveries)

    def typeless(self, record: Record) -> Delivery:
        subscriptions = next(iter(self._consumer.subscriptions.values()))
        return self.read(record, subscriptions[0].fact)

    def read(self, record: Record, fact: type[Event]) -> Delivery:
        """A record as the given fact. An observer keeps its text."""
        return decode(record, fact, keeps_text=self._consumer.observes)

    async def process(self, records: Sequence[Record]) -> list[Delivery]:
        """Give every message its verdict; returns those listened to. Raises only what is the
        surroundings' fault."""
        deliveries = self.decode(records)
        if not deliveries:
            return deliveries
        started = perf_counter()
        with tracing.poll_span(self._consumer.group, [d.trace for d in deliveries]):
            await self._settle(deliveries)
        elapsed = perf_counter() - started
        now = datetime.now(UTC)
        for topic, count in Counter(d.record.topic for d in deliveries).items():
            self._metrics.batch_consumed(topic, count, elapsed)
        oldest = min((d.envelope.time for d in deliveries if d.envelope), default=now)
        self._metrics.critical_time((now - oldest).total_seconds())
        return deliveries

    async def _settle(self, deliveries: Sequence[Delivery]) -> None:
        """Attempt together; when that fails through no fault of the surroundings, bisect by key."""
        try:
            await self._attempt(deliveries)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if is_infrastructure(error):
                raise
            lanes = list(dict.fromkeys(d.lane for d in deliveries))
            if len(lanes) > 1:
                half = set(lanes[: len(lanes) // 2])
                await self._settle([d for d in deliveries if d.lane in half])
                await self._settle([d for d in deliveries if d.lane not in half])
            elif len(deliveries) > 1:
                for delivery in deliveries:
                    await self._settle([delivery])
            else:
                await self._park_alone(deliveries[0], error)

    async def _attempt(self, deliveries: Sequence[Delivery]) -> None:
        group = self._consumer.group
        lanes = sorted({d.lane for d in deliveries})
        async with self._database.transaction() as tx:
            events = [(d.event_id, *d.lane) for d in deliveries if not d.error]
            fresh, parked = await parking.admit(tx.connection, group, lanes, events, tx.now)
            offered = sum((topic, key) not in parked for _, topic, key in events)
            self._metrics.duplicates(offered - len(fresh))
            await self._prefetch(tx, deliveries, fresh)
            unread = [d.event_id for d in deliveries if d.error]
            kept = await parking.kept(tx.connection, group, unread)
            new = [d for d in deliveries if not (d.error and d.event_id in kept)]
            failures = await self._handle_each(tx, new, fresh, blocked=parked)
            if failures.heads or failures.behind or failures.aside:
                await self._park_failures(tx, failures, len(lanes), fresh)
        failpoints.reached("after_inbox_commit", len(fresh))

    async def _prefetch(
        self, tx: Transaction, deliveries: Sequence[Delivery], fresh: set[UUID]
    ) -> None:
        wanted: dict[type, set[UUID]] = {}
        for delivery in deliveries:
            if delivery.fact is not None and delivery.event_id in fresh:
                self._consumer.wanted(delivery.fact, wanted)
        await prefetch(tx, wanted)

    async def _handle_each(
        self,
        tx: Transaction,
        deliveries: Sequence[Delivery],
        fresh: set[UUID],
        *,
        blocked: set[Lane],
    ) -> _Failures:
        failures = _Failures()
        blocked = set(blocked)
        pending = set(fresh)
        for delivery in deliveries:
            if delivery.error is not None and self._consumer.observes:
                failures.aside.append((delivery, delivery.error))
            elif delivery.lane in blocked:
                failures.behind.append(delivery)
            elif delivery.error is not None:
                self._fail(failures, blocked, delivery, delivery.error)
            elif delivery.event_id in pending:
                pending.discard(delivery.event_id)
                error = await self.handle(tx, delivery)
                if error is not None:
                    self._fail(failures, blocked, delivery, error)
        return failures

    def _fail(
        self, failures: _Failures, blocked: set[Lane], delivery: Delivery, error: Exception
    ) -> None:
        if self._sets_aside(error):
            failures.aside.append((delivery, error))
        else:
            failures.heads.append((delivery, error))
            blocked.add(delivery.lane)

    def _sets_aside(self, error: Exception) -> bool:
        """Whether this consumer goes on past the message at once."""
        return self._consumer.observes and parking.gives_up(error, 1)

    async def handle(self, tx: Transaction, delivery: Delivery) -> Exception | None:
        """Run the handlers of one message; on failure take its effects back and return why."""
        envelope, fact, record = delivery.envelope, delivery.fact, delivery.record
        if envelope is None or fact is None:
            return delivery.error
        tx.mark()
        with tracing.process_span(
            record.topic,
            record.partition,
            record.offset,
            delivery.key,
            self._consumer.group,
            envelope.type,
            str(envelope.id),
            str(envelope.journey_id),
            delivery.trace,
        ) as context:
            tx.delivery = delivery
            tx.cause = Cause(envelope.id, envelope.journey_id, context)
            try:
                await self._consumer.handle(fact, tx)
            except Exception as error:
                if is_infrastructure(error) or tx.used_sql:
                    raise
                tx.revert()
                tracing.record_exception(error)
                return error
        return None

    async def _park_failures(
        self, tx: Transaction, failures: _Failures, lanes: int, fresh: set[UUID]
    ) -> None:
        alike = failures.systematic(lanes)
        if alike and self._suspicions < SUSPICIONS:
            self._suspicions += 1
            count = len(failures.heads) + len(failures.aside)
            raise Systematic(f"{count} keys fail alike: {alike}")
        self._suspicions = 0
        group, connection = self._consumer.group, tx.connection
        affected = [d for d, _ in failures.heads] + failures.behind
        # Not what comes again of a parked key and had its effect before.
        left_out = affected + [d for d, _ in failures.aside if not d.error]
        unhandled = [d.event_id for d in left_out if d.event_id in fresh]
        await inbox.dismiss(connection, group, unhandled)
        for delivery, error in failures.heads:
            log = logger.info if isinstance(error, DependencyMissing) else logger.warning
            log(
                "parked %s of %s: %s: %s",
                delivery.lane[0],
                delivery.key,
                type(error).__name__,
                tries.why(error),
            )
            await parking.park(connection, group, delivery, error, now=tx.now)
        failed = {d.event_id: tries.failed(e, tx.now, self.by) for d, e in failures.heads}
        await parking.append(connection, group, affected, now=tx.now, failed=failed)
        if failures.aside:
            await observing.set_aside(tx, group, failures.aside, self.by)
        self._metrics.parked(len(affected) + len(failures.aside))

    async def _park_alone(self, delivery: Delivery, error: Exception) -> None:
        """Park a message whose own transaction failed, in a transaction without its effects."""
        async with self._database.transaction() as tx:
            failures = _Failures()
            self._fail(failures, set(), delivery, error)
            await self._park_failures(tx, failures, 1, fresh=set())
