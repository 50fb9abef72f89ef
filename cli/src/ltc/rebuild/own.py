"""What a service itself had said and no longer knows, after its database was restored from an older
copy: read back from its own topic, entered in its event log again, and matched with what it says
anew while it hears again what made it say so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.auth import Actor
from chassis.bulk import ask, execute, fetch
from chassis.cluster import Cluster
from chassis.db import Database
from chassis.repository import Repository
from chassis.settings import Settings
from chassis.transaction import Transaction
from contracts.catalog import FACTS
from contracts.envelope import Envelope, MalformedEnvelope

KNOWN = """
SELECT id FROM event_log WHERE published_at >= $1
UNION ALL SELECT id FROM outbox UNION ALL SELECT id FROM outbox_dead
"""
ENTER = """
INSERT INTO event_log (published_at, seq, id, topic, key, aggregateid, aggregate_version, type,
                       headers, payload, created_at)
VALUES (now(), nextval(pg_get_serial_sequence('outbox', 'seq')), $1, $2, $3, $3, $4, $5,
        $6::text::jsonb, $7, $8)
"""


@dataclass(slots=True)
class Forgotten:
    """A fact on our topic that our database does not know."""

    envelope: Envelope
    topic: str
    headers: str
    payload: bytes
    number: str
    """The human number of what it tells of; of a credit, the credit note's."""
    legal_entity: str = ""
    """Whose document it tells of, where it says so."""
    gives_number: bool = False
    """Whether the number was given with it: the first fact of its object, or a credit note's."""
    said_again: bool = False
    same: bool = True
    """Whether it was said again in the same words."""


@dataclass(slots=True)
class OwnFacts:
    """All that was forgotten, by the event that caused it."""

    facts: list[Forgotten] = field(default_factory=list)
    by_cause: dict[UUID, list[Forgotten]] = field(default_factory=lambda: defaultdict(list))

    def add(self, fact: Forgotten) -> None:
        self.facts.append(fact)
        if fact.envelope.causation_id is not None:
            self.by_cause[fact.envelope.causation_id].append(fact)

    def numbers(self, cause: UUID, series: str) -> list[str]:
        """The numbers of a series that this cause had used up, in order."""
        prefix = f"{series}-"
        found = {f.number for f in self.by_cause.get(cause, ()) if f.number.startswith(prefix)}
        return sorted(found)

    def highest(self) -> dict[str, int]:
        """By series (``O``; of documents ``INV-LTC-CN-2026``) the highest number given out."""
        highest: dict[str, int] = {}
        for fact in self.facts:
            kind, _, last = fact.number.partition("-")
            year, _, digits = last.rpartition("-")
            series = f"{kind}-{fact.legal_entity}-{year}" if fact.legal_entity else kind
            if fact.gives_number and digits.isdigit():
                highest[series] = max(highest.get(series, 0), int(digits))
        return highest


async def read_back(cluster: Cluster, topic: str, engine: AsyncEngine) -> OwnFacts:
    """Every fact of our topic that is in neither our outbox nor our event log."""
    own = OwnFacts()
    async with _reader(cluster, topic) as (consumer, ends):
        known: set[UUID] | None = None
        left = {p for p, end in ends.items() if end > await consumer.position(p)}
        while left:
            polled = await consumer.getmany(timeout_ms=1000, max_records=2000)
            for partition, records in polled.items():
                if known is None:
                    known = await _known(engine, min(r.timestamp for r in records))
                for record in records:
                    forgotten = _forgotten(record, known)
                    if forgotten is not None:
                        own.add(forgotten)
                        known.add(forgotten.envelope.id)
                if await consumer.position(partition) >= ends[partition]:
                    left.discard(partition)
    own.facts.sort(key=lambda f: (f.envelope.time, f.envelope.subject, f.envelope.sequence))
    return own


@asynccontextmanager
async def _reader(
    cluster: Cluster, topic: str
) -> AsyncIterator[tuple[AIOKafkaConsumer, dict[TopicPartition, int]]]:
    consumer = AIOKafkaConsumer(**cluster.client(), group_id=None, isolation_level="read_committed")
    await consumer.start()
    try:
        await consumer._client.set_topics([topic])
        partitions = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        yield consumer, await consumer.end_offsets(partitions)
    finally:
        await consumer.stop()


async def _known(engine: AsyncEngine, oldest_ms: int) -> set[UUID]:
    """Our own record of what we said. A day more than the topic, because clocks differ."""
    since = datetime.fromtimestamp(oldest_ms / 1000, UTC) - timedelta(days=8)
    return {row[0] for row in await ask(engine, KNOWN, since)}


def _forgotten(record: Any, known: set[UUID]) -> Forgotten | None:
    """A record that we said and do not know. What cannot be read as a fact of ours is nothing that
    we said, whoever put it there."""
    try:
        envelope = Envelope.from_headers(record.headers)
        if envelope.id in known or envelope.source != f"/ltc/{record.topic.split('.')[1]}-svc":
            return None
        if envelope.type in FACTS:
            FACTS[envelope.type].model_validate_json(record.value or b"")
        value = orjson.loads(record.value)
        number = value.get("credit_note") or value.get("number") or ""
        entity = value.get("legal_entity") or ""
    except (MalformedEnvelope, ValidationError, orjson.JSONDecodeError, AttributeError):
        return None
    headers = orjson.dumps({name: (value or b"").decode() for name, value in record.headers})
    gives = envelope.sequence == 1 or "credit_note" in value
    about = (record.topic, headers.decode(), record.value, str(number), str(entity), gives)
    return Forgotten(envelope, *about)


async def enter_again(connection: AsyncConnection, own: OwnFacts) -> None:
    """Put forgotten facts back into the event log, and move every series of numbers past them."""
    for fact in own.facts:
        e = fact.envelope
        values = (e.id, fact.topic, e.subject, e.sequence, e.type, fact.headers, fact.payload)
        await execute(connection, ENTER, *values, e.time)
    for series, highest in own.highest().items():
        name = f"number_{series.partition('-')[0].lower()}"
        exists = await fetch(connection, "SELECT to_regclass($1::text) IS NOT NULL", name)
        if exists[0][0]:
            await execute(
                connection,
                f"SELECT setval($1::text::regclass, greatest($2, last_value)) FROM {name}",  # noqa: S608 - a series of ours
                name,
                highest,
            )
        elif "-" in series:
            await go_on_after(connection, series, highest)
        else:  # whose documents they are is not said: no number twice is worth a gap
            await execute(
                connection,
                "UPDATE number_series SET next_value = greatest(next_value, $2)"
                " WHERE series LIKE $1 || '-%'",
                series,
                highest + 1,
            )


async def go_on_after(connection: AsyncConnection, series: str, number: int) -> None:
    """Let a series without gaps go on after a number. A copy from before the first document does
    not know the series at all."""
    await execute(
        connection,
        "INSERT INTO number_series (series, next_value) VALUES ($1, $2) ON CONFLICT (series)"
        " DO UPDATE SET next_value = greatest(number_series.next_value, excluded.next_value)",
        series,
        number + 1,
    )


async def lift_versions(
    connection: AsyncConnection, own: OwnFacts, repositories: Sequence[type[Repository[Any]]]
) -> int:
    """Let no aggregate use a version that its topic has seen already; returns how many were behind.

    What was said of them is not known to their rows, but their next fact must come after it.
    """
    newest: dict[UUID, int] = {}
    for fact in own.facts:
        subject = UUID(fact.envelope.subject)
        newest[subject] = max(newest.get(subject, 0), fact.envelope.sequence)
    lifted = 0
    for repository in repositories:
        name = repository.table().name
        lifted += await execute(
            connection,
            f"UPDATE {name} t SET version = seen.version"  # noqa: S608 - a table of the service
            " FROM unnest($1::uuid[], $2::bigint[]) AS seen(id, version)"
            " WHERE t.id = seen.id AND t.version < seen.version",
            list(newest),
            list(newest.values()),
        )
    return lifted


def replaying(settings: Settings, own: OwnFacts) -> Replay:
    """A database whose transactions know what had been said."""
    kind = type("ReplayingTransaction", (ReplayTransaction,), {"own": own})
    return Replay(settings, kind)


class Replay(Database):
    """``moment`` is the time at which the message at hand was handled the first time."""

    def __init__(self, settings: Settings, unit: type[Transaction]) -> None:
        super().__init__(settings)
        self.unit = unit
        self.moment: datetime | None = None

    @asynccontextmanager
    async def transaction(
        self, *, actor: Actor | None = None, now: datetime | None = None
    ) -> AsyncIterator[Transaction]:
        async with super().transaction(actor=actor, now=now or self.moment) as tx:
            yield tx


class ReplayTransaction(Transaction):
    """Gives again the numbers that were given, and does not say twice what its topic holds."""

    own: OwnFacts

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._taken: dict[tuple[UUID, str], int] = {}
        self._matched: set[UUID] = set()

    async def number(self, series: str, *, width: int = 6) -> str:
        given = self._given(series)
        return given or await super().number(series, width=width)

    async def gapless_number(self, series: str) -> int:
        given = self._given(series.partition("-")[0])
        if given is None:
            return await super().gapless_number(series)
        number = int(given.rpartition("-")[2])
        await go_on_after(self.connection, series, number)
        return number

    def _given(self, series: str) -> str | None:
        if self.cause is None:
            return None
        at = (self.cause.event_id, series)
        numbers = self.own.numbers(*at)
        n = self._taken.get(at, 0)
        self._taken[at] = n + 1
        return numbers[n] if n < len(numbers) else None

    async def flush(self) -> None:
        self._pending.unsay(self._said_before)
        await super().flush()

    def _said_before(self, row: dict[str, Any]) -> bool:
        """Whether the topic holds this already: the same cause made us say the same of the same."""
        cause = orjson.loads(row["headers"]).get("ce_causationid")
        for fact in self.own.by_cause.get(UUID(cause), ()) if cause else ():
            about = (fact.envelope.type, fact.envelope.subject)
            if about == (row["type"], row["key"]) and fact.envelope.id not in self._matched:
                self._matched.add(fact.envelope.id)
                fact.said_again = True
                fact.same = fact.payload == row["payload"]
                return True
        return False
