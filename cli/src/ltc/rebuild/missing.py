"""What a service should have heard and has not: the publishers' event logs against its inbox."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import positions
from chassis.bulk import ask
from chassis.consumer import Consumer
from chassis.delivery import RawRecord
from chassis.schema import INBOX_DAYS

CHUNK = 2000

PUBLISHED = """
SELECT published_at, seq, id, created_at FROM event_log
WHERE topic = $1 AND type = ANY($2::text[]) AND published_at >= $3 ORDER BY seq
"""
BODIES = """
SELECT l.seq, l.topic, l.key, l.headers::text AS headers, l.payload FROM event_log l
JOIN unnest($1::timestamptz[], $2::bigint[]) AS wanted(published_at, seq)
  ON l.published_at = wanted.published_at AND l.seq = wanted.seq ORDER BY l.seq
"""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a fact is kept: its publisher's log, by time and number."""

    created_at: datetime
    stage: str
    seq: int
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """The facts a consumer has not accounted for, in an order that keeps each key's."""

    published: int
    places: tuple[Place, ...]


def plain(url: str) -> str:
    """A SQLAlchemy address as asyncpg takes it."""
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)


async def memory_begins(engine: AsyncEngine, group: str) -> datetime:
    """Since when the inbox can tell what was heard. An empty one can always tell: nothing was."""
    seen = await ask(engine, "SELECT EXISTS (SELECT 1 FROM inbox WHERE consumer = $1)", group)
    if seen[0][0]:
        return datetime.now(UTC) - timedelta(days=INBOX_DAYS - 1)
    return datetime.min.replace(tzinfo=UTC)


async def find_gap(
    engine: AsyncEngine, consumer: Consumer, publishers: Mapping[str, str], since: datetime
) -> Gap:
    """Compare every publisher's log with the inbox and what is parked."""
    types: dict[str, list[str]] = defaultdict(list)
    for name, subscriptions in consumer.subscriptions.items():
        types[subscriptions[0].fact.topic].append(name)
    published = 0
    queues: list[list[Place]] = []
    for topic, names in sorted(types.items()):
        stage = topic.split(".")[1]
        missing: list[Place] = []
        async for rows in _chunks(publishers[stage], topic, names, since):
            published += len(rows)
            gone = await _unknown(engine, consumer.group, [row["id"] for row in rows])
            missing += [
                Place(row["created_at"], stage, row["seq"], row["published_at"])
                for row in rows
                if row["id"] in gone
            ]
        queues.append(missing)
    merged = heapq.merge(*queues, key=lambda place: place.created_at)
    return Gap(published, tuple(merged))


async def _unknown(engine: AsyncEngine, group: str, ids: Sequence[UUID]) -> set[UUID]:
    return {row[0] for row in await ask(engine, positions.UNKNOWN, group, list(ids))}


async def _chunks(
    url: str, topic: str, types: Sequence[str], since: datetime
) -> AsyncIterator[list[Any]]:
    connection = await asyncpg.connect(plain(url))
    try:
        async with connection.transaction(readonly=True):
            cursor = await connection.cursor(PUBLISHED, topic, list(types), since)
            while rows := await cursor.fetch(CHUNK):
                yield rows
    finally:
        await connection.close()


class Logs:
    """The publishers' logs, read by place."""

    def __init__(self, publishers: Mapping[str, str]) -> None:
        self._publishers = publishers
        self._open: dict[str, asyncpg.Connection] = {}

    async def records(self, places: Sequence[Place]) -> list[RawRecord]:
        """The facts at these places, in their order, as Kafka would deliver them."""
        found: dict[tuple[str, int], RawRecord] = {}
        by_stage: dict[str, list[Place]] = defaultdict(list)
        for place in places:
            by_stage[place.stage].append(place)
        for stage, wanted in by_stage.items():
            if stage not in self._open:
                self._open[stage] = await asyncpg.connect(plain(self._publishers[stage]))
            rows = await self._open[stage].fetch(
                BODIES, [p.published_at for p in wanted], [p.seq for p in wanted]
            )
            for row in rows:
                found[stage, row["seq"]] = as_record(row)
        return [found[p.stage, p.seq] for p in places if (p.stage, p.seq) in found]

    async def close(self) -> None:
        for connection in self._open.values():
            await connection.close()


def as_record(row: Any) -> RawRecord:
    """A row of an event log as Kafka would deliver it; it has no place in a partition any more."""
    headers = [(name, value.encode()) for name, value in orjson.loads(row["headers"]).items()]
    return RawRecord(row["topic"], -1, row["seq"], row["key"].encode(), row["payload"], headers)
