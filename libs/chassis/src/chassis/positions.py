"""Whether Kafka's offsets and a service's database fit each other, and what to do when not.

Offsets can be lost (a group that slept too long), overtaken by retention, or left behind by a topic
that was made anew; a database can be restored from a copy older than the offsets. Going on would
skip messages in silence, so the service stops hearing, says why, and waits for `ltc rebuild`.

Each committed offset carries the id of an event that the database has accounted for. A database
that does not know that event is older than the offset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.bulk import ask
from chassis.cluster import Cluster
from chassis.schema import INBOX_DAYS, first_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

REBUILD_LOCK = 0x6C7464
"""Held exclusively in a service's database while it is rebuilt."""

UNKNOWN = """
SELECT asked.id FROM unnest($2::uuid[]) AS asked(id)
WHERE NOT EXISTS (SELECT 1 FROM inbox i WHERE i.consumer = $1 AND i.event_id = asked.id)
  AND NOT EXISTS (SELECT 1 FROM parked_message m WHERE m.consumer = $1 AND m.event_id = asked.id)
"""
_FREE = f"pg_try_advisory_xact_lock_shared({REBUILD_LOCK})"
FREE = f"SELECT {_FREE}"
AS_IT_WAS = f"SELECT {_FREE} AND NOT EXISTS ({UNKNOWN})"


@dataclass(frozen=True, slots=True)
class Position:
    """How far a group has come in one partition, and what the partition still holds."""

    committed: int | None
    first: int
    end: int
    event: UUID | None
    """An event that the group's database had accounted for at ``committed``."""

    @property
    def intact(self) -> bool:
        return self.committed is not None and self.first <= self.committed <= self.end


@asynccontextmanager
async def of_group(
    cluster: Cluster, group: str, topics: Sequence[str]
) -> AsyncIterator[tuple[AIOKafkaConsumer, list[TopicPartition]]]:
    """A client that speaks for a group without joining it, and the partitions of the topics.

    Raises LookupError when a topic does not exist.
    """
    consumer = AIOKafkaConsumer(**cluster.client(), group_id=group, enable_auto_commit=False)
    try:
        await consumer.start()
        partitions: list[TopicPartition] = []
        for topic in topics:
            await consumer._client.set_topics([topic])
            numbers = consumer.partitions_for_topic(topic)
            if not numbers:
                raise LookupError(f"topic {topic} does not exist: run the topic manifest first")
            partitions += [TopicPartition(topic, number) for number in sorted(numbers)]
        consumer.assign(partitions)
        yield consumer, partitions
    finally:
        await consumer.stop()


async def examine(
    cluster: Cluster, group: str, topics: Sequence[str]
) -> dict[TopicPartition, Position]:
    """Where a group stands in each partition of its topics."""
    async with of_group(cluster, group, topics) as (consumer, partitions):
        noted = await consumer._coordinator.fetch_committed_offsets(partitions)
        firsts = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
    return {
        p: Position(
            noted[p].offset if p in noted and noted[p].offset >= 0 else None,
            firsts[p],
            ends[p],
            _event(noted[p].metadata) if p in noted else None,
        )
        for p in partitions
    }


def _event(metadata: str | None) -> UUID | None:
    try:
        return UUID(metadata or "")
    except ValueError:
        return None


def _remembered(events: Iterable[UUID]) -> list[UUID]:
    """Those of the events that an inbox keeps, if it has had them."""
    oldest = first_id(datetime.now(UTC) - timedelta(days=INBOX_DAYS - 1))
    return [event for event in events if event >= oldest]


async def unknown(engine: AsyncEngine, group: str, events: Iterable[UUID]) -> set[UUID]:
    """Those of the events that the database has not accounted for, as far as it remembers."""
    recent = _remembered(events)
    if not recent:
        return set()
    return {row[0] for row in await ask(engine, UNKNOWN, group, recent)}


async def being_rebuilt(engine: AsyncEngine) -> bool:
    """Whether somebody rebuilds this database just now."""
    return not (await ask(engine, FREE))[0][0]


async def as_it_was(engine: AsyncEngine, group: str, events: Iterable[UUID]) -> bool:
    """Whether nobody rebuilds this database, and it has accounted for these events."""
    return bool((await ask(engine, AS_IT_WAS, group, _remembered(events)))[0][0])


def misfits(
    group: str, found: Mapping[TopicPartition, Position], unknown_events: set[UUID]
) -> list[TopicPartition]:
    """The partitions whose offsets do not fit."""
    return [p for p, at in found.items() if not at.intact or at.event in unknown_events]


def explain(
    group: str, found: Mapping[TopicPartition, Position], unknown_events: set[UUID]
) -> str | None:
    """One sentence that says what does not fit and what to run; none when all fits."""
    wrong = misfits(group, found, unknown_events)
    if not wrong:
        return None
    partition, at = wrong[0], found[wrong[0]]
    name = f"{partition.topic}-{partition.partition}"
    if at.committed is None:
        reason = f"Kafka has lost the offset of {group} for {name}"
    elif at.committed < at.first:
        reason = (
            f"records {at.committed} to {at.first - 1} of {name} are gone before {group} read them"
        )
    elif at.committed > at.end:
        reason = (
            f"{name} ends at {at.end}, before offset {at.committed} that {group} had reached:"
            " the topic was made anew or has lost its end"
        )
    else:
        reason = (
            f"the database of {group} does not know event {at.event} of {name}, which it had"
            " accounted for: it was restored from an older copy"
        )
    others = f" (and {len(wrong) - 1} more partitions)" if len(wrong) > 1 else ""
    return f"{reason}{others}; nothing is heard until `ltc rebuild {group}` has run"
