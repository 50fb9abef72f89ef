"""Trying parked messages again: many lanes in one transaction, one by one when that fails."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from uuid import UUID

from chassis import draining, inbox, observing, parking
from chassis.batch import BatchProcessor
from chassis.consumer import Consumer
from chassis.db import Database
from chassis.delivery import Delivery
from chassis.draining import Head
from chassis.failures import is_infrastructure
from chassis.parking import Lane
from chassis.repository import prefetch
from chassis.transaction import Transaction
from chassis.tries import failed, why

logger = logging.getLogger(__name__)

LANES = 200
"""Lanes tried together."""


class Retries:
    """The worker behind parked keys; any number of instances share the work."""

    def __init__(self, database: Database, consumer: Consumer, processor: BatchProcessor) -> None:
        self._database = database
        self._consumer = consumer
        self._processor = processor

    async def retry_due(self) -> bool:
        """Try what is due. False when nothing is."""
        try:
            return await self._retry_together()
        except Exception as error:
            if is_infrastructure(error):
                raise
            logger.info("parked lanes are tried one by one: %s", error)
            return await self._retry_one()

    async def _retry_together(self) -> bool:
        """Lock due lanes, handle all that waits in them, note which head failed."""
        group = self._consumer.group
        async with self._database.transaction() as tx:
            lanes = await draining.due_lanes(tx.connection, group, tx.now, LANES)
            if not lanes:
                return False
            heads = await draining.waiting(tx.connection, group, list(lanes))
            deliveries = [self._delivery(head) for head in heads]
            fresh = await inbox.admit(
                tx.connection, group, [d.event_id for d in deliveries if not d.error], tx.now
            )
            await self._prefetch(tx, deliveries)
            done: list[int] = []
            stopped: dict[Lane, tuple[Delivery, Exception, bool]] = {}
            unhandled: list[UUID] = []
            started: set[Lane] = set()
            for head, delivery in zip(heads, deliveries, strict=True):
                lane = delivery.lane
                if lane in stopped:
                    unhandled.append(delivery.event_id)
                    continue
                error: Exception | None = delivery.error
                if error is None and delivery.event_id in fresh:
                    error = await self._processor.handle(tx, delivery)
                if error is None:
                    done.append(head.id)
                    started.add(lane)
                else:
                    stopped[lane] = (delivery, error, lane not in started)
                    unhandled.append(delivery.event_id)
            await inbox.dismiss(tx.connection, group, [i for i in unhandled if i in fresh])
            for lane, (delivery, error, is_first) in stopped.items():
                await self._fail(tx, lane, delivery, error, lanes[lane] if is_first else 0)
            free = [lane for lane in lanes if lane not in stopped]
            await draining.finish(tx.connection, group, done, free)
        return True

    def _delivery(self, head: Head) -> Delivery:
        fact = self._consumer.fact(head.type) if head.type else None
        delivery = (
            self._processor.read(head.record, fact)
            if fact
            else self._processor.typeless(head.record)
        )
        delivery.event_id = head.event_id
        delivery.key = (head.record.key or b"").decode()
        return delivery

    async def _prefetch(self, tx: Transaction, deliveries: Sequence[Delivery]) -> None:
        wanted: dict[type, set[UUID]] = {}
        for delivery in deliveries:
            if delivery.fact is not None:
                self._consumer.wanted(delivery.fact, wanted)
        await prefetch(tx, wanted)

    async def _fail(
        self, tx: Transaction, lane: Lane, delivery: Delivery, error: Exception, attempts: int
    ) -> None:
        """The head failed again: later, or never again without a person."""
        group = self._consumer.group
        tries = attempts + 1
        gives_up = parking.gives_up(error, tries)
        event_type = delivery.envelope.type if delivery.envelope else None
        note = failed(error, tx.now, self._processor.by)
        await parking.note_try(tx.connection, group, delivery.event_id, note)
        if gives_up and self._consumer.observes:
            head = await draining.head_of(tx.connection, group, lane)
            if head is not None:
                await observing.set_head_aside(tx, group, head, delivery, error)
        else:
            await parking.park(tx.connection, group, delivery, error, now=tx.now, attempts=tries)
        if gives_up:
            logger.error("dead letter: %s of %s: %s", event_type, lane[1], why(error))

    async def _retry_one(self) -> bool:
        """Try the head of one parked lane that is due. False when none is."""
        group = self._consumer.group
        async with self._database.transaction() as tx:
            connection = tx.connection
            due = await draining.due_lanes(connection, group, tx.now, 1)
            if not due:
                return False
            [(lane, attempts)] = due.items()
            head = await draining.head_of(connection, group, lane)
            if head is None:
                return True
            delivery = self._delivery(head)
            error: Exception | None = delivery.error
            if error is None:
                error = await self._handle_head(tx, delivery)
            if error is None:
                await draining.finish_head(connection, group, lane, head)
            else:
                await self._fail(tx, lane, delivery, error, attempts)
        return True

    async def _handle_head(self, tx: Transaction, delivery: Delivery) -> Exception | None:
        """Handle a parked message inside a savepoint, so that its failure can still be noted."""
        async with tx.connection.begin_nested() as savepoint:
            await inbox.admit(tx.connection, self._consumer.group, [delivery.event_id], tx.now)
            try:
                error = await self._processor.handle(tx, delivery)
                if error is None:
                    await tx.flush()
                    return None
            except Exception as raised:
                if is_infrastructure(raised):
                    raise
                error = raised
            await savepoint.rollback()
            tx.forget()
            return error
