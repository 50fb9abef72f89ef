"""Bugs that people really write, each planted into a running process to see whether it is caught.

`launch` plants one before the service starts; ``python -m tests.guarantees.sabotage NAME TESTS``
plants one before it runs tests. Nothing outside of this folder knows of them.
"""

from __future__ import annotations

import asyncio
import copy
import importlib
import itertools
import random
import sys
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from fastapi import Request

from chassis import auth, batch, bulk, idempotency, intake, parking, relay, relay_round, transaction
from chassis.domain import DependencyMissing
from chassis.tables import OutboxRow, table_of
from contracts.money import Money

PLANTS: dict[str, Callable[[], None]] = {}


def plant(bug: Callable[[], None]) -> Callable[[], None]:
    PLANTS[bug.__name__] = bug
    return bug


@plant
def commit_offset_first() -> None:
    """Kafka is told that a batch is done before it is."""
    settle = intake.Intake._settle

    async def first(self: intake.Intake, records: list[Any]) -> None:
        for record in records:
            place = intake.TopicPartition(record.topic, record.partition)
            self.progress._done[place] = record.offset + 1
        await self.commit()
        await settle(self, records)

    intake.Intake._settle = first  # type: ignore[method-assign]


@plant
def skip_dedup() -> None:
    """What comes again is entered again without complaint, and handled again."""
    admit = parking.admit

    async def all_of_them(
        connection: Any, group: str, lanes: Sequence[Any], events: Sequence[Any], now: Any
    ) -> tuple[set[Any], set[Any]]:
        _, parked = await admit(connection, group, lanes, events, now)
        return {event[0] for event in events}, parked

    parking.admit = all_of_them


@plant
def dual_write() -> None:
    """Facts go to Kafka from memory after the commit, and not through the outbox."""
    insert = bulk.Writes.insert
    outbox = table_of(OutboxRow)
    unsaid: list[relay_round.OutboxRecord] = []
    sender: list[Any] = []

    def instead(self: bulk.Writes, table: Any, rows: Sequence[Any], **how: Any) -> int:
        if table is not outbox:
            return insert(self, table, rows, **how)
        for row in rows:
            names = ("id", "topic", "key", "type", "headers", "payload", "created_at")
            unsaid.append(relay_round.OutboxRecord(0, *(row[name] for name in names)))
        return -1

    async def drain(self: relay.Relay) -> None:
        if not sender:
            sender.append(await self._connect())
        await asyncio.wait([asyncio.create_task(self._said.wait())], timeout=0.05)
        self._said.clear()
        records = unsaid[:]
        unsaid.clear()
        await relay_round._send(sender[0], records)

    bulk.Writes.insert = instead  # type: ignore[method-assign]
    relay.Relay._drain = drain  # type: ignore[method-assign]


@plant
def cursor_on_identity() -> None:
    """The relay remembers the last ``seq`` and asks for what is above it."""
    reached = [0]

    async def round_(connection: Any, sender: Any, *, limit: int, metrics: Any = None) -> Any:
        found = await bulk.fetch(connection, _ROWS + " WHERE seq > $1 ORDER BY seq", reached[0])
        records = [relay_round.OutboxRecord(*row) for row in found[:limit]]
        done, _ = await relay_round._send(sender, records)
        if done:
            await connection.exec_driver_sql(relay_round.MOVE_TO_LOG, (done,))
            reached[0] = max(done)
        return relay_round.Round(published=len(done))

    relay.publish_round = round_


@plant
def skip_locked() -> None:
    """Relays share the outbox row by row; like processes, one is sometimes slower than another."""
    run = relay.Relay.run
    chance = random.Random(1)

    async def round_(connection: Any, sender: Any, *, limit: int, metrics: Any = None) -> Any:
        some = " ORDER BY seq LIMIT 1 FOR UPDATE SKIP LOCKED"
        records = [
            relay_round.OutboxRecord(*row) for row in await bulk.fetch(connection, _ROWS + some)
        ]
        await asyncio.sleep(chance.random() / 50)
        done, _ = await relay_round._send(sender, records)
        if done:
            await connection.exec_driver_sql(relay_round.MOVE_TO_LOG, (done,))
        return relay_round.Round(published=len(done), more=bool(done))

    async def two(self: relay.Relay) -> None:
        other = copy.copy(self)
        other._round_under_way = asyncio.Lock()
        await asyncio.gather(run(self), run(other))

    relay.publish_round = round_
    relay.Relay.run = two  # type: ignore[method-assign]


_ROWS = "SELECT seq, id, topic, key, type, headers::text, payload, created_at FROM outbox"


@plant
def mark_before_ack() -> None:
    """What was handed to the producer counts as published."""

    async def send(sender: Any, records: Sequence[relay_round.OutboxRecord]) -> Any:
        for record in records:
            await sender.send(
                record.topic,
                record.payload,
                key=record.key.encode(),
                headers=record.kafka_headers(),
            )
        return [record.seq for record in records], []

    relay_round._send = send


@plant
def float_money() -> None:
    """Percentages by floating point."""

    def scaled(self: Money, factor: Any) -> Money:
        return Money(int(self.minor * float(factor)), self.currency)

    Money.scaled = scaled  # type: ignore[method-assign]


@plant
def latest() -> None:
    """A consumer begins at the end of its partitions."""

    async def assigned(self: Any, partitions: Sequence[Any]) -> None:
        consumer = self._intake.subscriber.consumer
        await consumer.seek_to_end(*partitions)

    intake._Rebalances.on_partitions_assigned = assigned  # type: ignore[method-assign]


@plant
def retry_unknown() -> None:
    """A repeated request or bank line is taken for a new one."""

    async def never(*_: Any) -> None:
        return None

    idempotency.replay = never
    cash = importlib.import_module("billing_svc.commands.cash")
    cash.payment_id_of = lambda _source, _reference: uuid4()


@plant
def swallow_disk_full() -> None:
    """A refused write is logged, and the caller is told that all is well."""
    flush = transaction.Transaction.flush

    async def regardless(self: transaction.Transaction) -> None:
        try:
            await flush(self)
        except asyncpg.DiskFullError:
            await bulk.rollback(self._connection)  # or the commit would find out

    transaction.Transaction.flush = regardless  # type: ignore[method-assign]


@plant
def drop_unknown() -> None:
    """A consumer does not know a type that it must hear, and drops it."""
    consumer = importlib.import_module("contract_svc.consumers").consumer
    del consumer.subscriptions["ltc.quote.accepted.v1"]


@plant
def drop_early() -> None:
    """A message whose aggregate is not there yet counts as handled."""
    handle = batch.BatchProcessor.handle

    async def forgiving(self: Any, tx: Any, delivery: Any) -> Exception | None:
        error = await handle(self, tx, delivery)
        return None if isinstance(error, DependencyMissing) else error

    batch.BatchProcessor.handle = forgiving  # type: ignore[method-assign]


@plant
def no_access_filter() -> None:
    """Whoever has a token may do everything."""

    def roles(*allowed: str) -> Any:
        async def authorise(request: Request) -> auth.Actor:
            return await auth.authenticate(request)

        authorise.allowed = frozenset(allowed)  # type: ignore[attr-defined]
        authorise.is_door = True  # type: ignore[attr-defined]
        return authorise

    auth.roles = roles


@plant
def lost_fact() -> None:
    """Some change of state is not told."""
    publish = transaction.Transaction.publish
    signed = itertools.count()

    def forgetful(self: transaction.Transaction, fact: Any) -> None:
        if fact.name == "ltc.contract.signed.v1" and next(signed) % 5 == 4:
            return
        publish(self, fact)

    transaction.Transaction.publish = forgetful  # type: ignore[method-assign]


@plant
def double_allocation() -> None:
    """A payment is entered in the ledger twice for one invoice."""
    cash = importlib.import_module("billing_svc.commands.cash")
    post = cash.post

    def twice(tx: Any, entries: Any, *, kind: str, **about: Any) -> Any:
        if kind == "allocate":
            post(tx, entries, kind=kind, **about)
        return post(tx, entries, kind=kind, **about)

    cash.post = twice


@plant
def gap_in_numbers() -> None:
    """An invoice number is taken and thrown away."""
    number = transaction.Transaction.gapless_number
    taken = itertools.count()

    async def wasteful(self: transaction.Transaction, series: str) -> int:
        if next(taken) % 7 == 6:
            await number(self, series)
        return await number(self, series)

    transaction.Transaction.gapless_number = wasteful  # type: ignore[method-assign]


if __name__ == "__main__":
    PLANTS[sys.argv[1]]()
    early = "ignore::pytest.PytestAssertRewriteWarning"
    sys.exit(pytest.main(["-W", early, *sys.argv[2:]]))
