"""Parked keys drained: what waits is taken up in its order, handled, given up or replaced.

Whoever drains a key has locked it. Messages come into the line by `chassis.parking`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import bulk
from chassis.delivery import RawRecord
from chassis.parking import Lane

DUE_LANES = """
SELECT topic, key, attempts FROM parked_key
WHERE consumer = $1 AND status = 'retrying' AND next_retry_at <= $2
ORDER BY next_retry_at LIMIT $3 FOR UPDATE SKIP LOCKED
"""
_ANY_DUE = """
(SELECT min(next_retry_at) FROM parked_key
 WHERE consumer = '{consumer}' AND status = 'retrying') <= clock.now
"""
_COLUMNS = """
SELECT m.id, m.event_id, m.topic, m.key, m.partition, m.kafka_offset, m.type,
       m.headers::text AS headers, m.raw, m.journey_id, m.tries::text AS tries"""
WAITING = f"""
{_COLUMNS}
FROM parked_message m
JOIN unnest($2::text[], $3::text[]) AS lane(topic, key)
  ON m.topic = lane.topic AND m.key = lane.key
WHERE m.consumer = $1 AND m.state IN ('waiting', 'dead') ORDER BY m.id
"""
FREE = """
DELETE FROM parked_key p USING unnest($2::text[], $3::text[]) AS lane(topic, key)
WHERE p.consumer = $1 AND p.topic = lane.topic AND p.key = lane.key
"""
HEAD = f"""
{_COLUMNS}
FROM parked_message m
WHERE m.consumer = $1 AND m.topic = $2 AND m.key = $3 AND m.state IN ('waiting', 'dead')
ORDER BY m.id LIMIT 1
"""
GIVE_UP = """
WITH gone AS (UPDATE parked_message SET state = $2 WHERE id = $1 RETURNING consumer, event_id)
INSERT INTO inbox (consumer, event_id, received_at) SELECT consumer, event_id, now() FROM gone
ON CONFLICT DO NOTHING
"""
"""Its lane is free afterwards: the inbox must know it, lest it is taken up when it comes again."""
TAKE_PLACE = """
UPDATE parked_message SET event_id = $2, raw = $3, headers = $4::jsonb, state = 'waiting',
                          error = NULL, tries = '[]' WHERE id = $1
"""
KEEP_EDITED = """
WITH kept AS (
  INSERT INTO parked_message (consumer, event_id, topic, key, partition, kafka_offset, type,
                              headers, raw, state, journey_id, parked_at, tries)
  SELECT consumer, $2, topic, key, partition, kafka_offset, type, $4::jsonb, $3, 'edited',
         journey_id, parked_at, $5::jsonb
  FROM parked_message WHERE id = $1 RETURNING consumer, event_id)
INSERT INTO inbox (consumer, event_id, received_at) SELECT consumer, event_id, now() FROM kept
ON CONFLICT DO NOTHING
"""
LET_GO = """
DELETE FROM parked_key WHERE consumer = $1 AND topic = $2 AND key = $3 AND status <> 'held'
"""
GO_ON = """
UPDATE parked_key SET status = 'retrying', attempts = 0, next_retry_at = now(), wake_key = NULL
WHERE consumer = $1 AND topic = $2 AND key = $3 AND status <> 'held'
"""
"""A key that a person holds stays held, whatever becomes of its messages."""


@dataclass(frozen=True, slots=True)
class Head:
    """A message that waits in a parked lane, mostly the first."""

    id: int
    event_id: UUID
    type: str | None
    record: RawRecord
    journey_id: UUID | None
    tries: str

    @classmethod
    def of(cls, row: Any) -> Head:
        """A row of `_COLUMNS`."""
        record = RawRecord(
            row["topic"],
            row["partition"],
            row["kafka_offset"],
            row["key"].encode(),
            row["raw"],
            RawRecord.headers_from(orjson.loads(row["headers"])),
        )
        values = (row["journey_id"], row["tries"])
        return cls(row["id"], row["event_id"], row["type"], record, *values)


def any_due(consumer: str) -> str:
    """The condition under which a lane of this consumer is due (`chassis.due`)."""
    return _ANY_DUE.format(consumer=consumer)


async def due_lanes(
    connection: AsyncConnection, consumer: str, now: datetime, limit: int
) -> dict[Lane, int]:
    """Lock lanes whose next try is due; by lane the tries so far."""
    rows = await bulk.fetch(connection, DUE_LANES, consumer, now, limit)
    return {(row[0], row[1]): row[2] for row in rows}


async def waiting(connection: AsyncConnection, consumer: str, lanes: Sequence[Lane]) -> list[Head]:
    """Every message that waits in these lanes, in their order."""
    topics, keys = zip(*lanes, strict=True)
    rows = await bulk.fetch(connection, WAITING, consumer, list(topics), list(keys))
    return [Head.of(row) for row in rows]


async def finish(
    connection: AsyncConnection, consumer: str, done: Sequence[int], free: Sequence[Lane]
) -> None:
    """These messages are dealt with, and these lanes have nothing left that waits."""
    await bulk.execute(
        connection, "DELETE FROM parked_message WHERE id = ANY($1::bigint[])", list(done)
    )
    if free:
        topics, keys = zip(*free, strict=True)
        await bulk.execute(connection, FREE, consumer, list(topics), list(keys))


async def head_of(connection: AsyncConnection, consumer: str, lane: Lane) -> Head | None:
    """The message that a lane waits at."""
    row = await bulk.first(connection, HEAD, consumer, *lane)
    return None if row is None else Head.of(row)


async def finish_head(
    connection: AsyncConnection, consumer: str, lane: Lane, head: Head, *, state: str = "done"
) -> None:
    """The head is dealt with. The lane goes on with the next, or is free again after the last."""
    if state == "done":
        await bulk.execute(connection, "DELETE FROM parked_message WHERE id = $1", head.id)
    else:
        await bulk.execute(connection, GIVE_UP, head.id, state)
    await _go_on(connection, consumer, lane)


async def set_head_aside(
    connection: AsyncConnection, consumer: str, lane: Lane, head: Head
) -> None:
    """The head is kept as given up, and the lane goes on. Nobody has decided that it shall have no
    effect here, so the inbox is not told: published again, it is tried again."""
    await bulk.execute(
        connection, "UPDATE parked_message SET state = 'skipped' WHERE id = $1", head.id
    )
    await _go_on(connection, consumer, lane)


async def _go_on(connection: AsyncConnection, consumer: str, lane: Lane) -> None:
    left = await head_of(connection, consumer, lane) is not None
    await bulk.execute(connection, GO_ON if left else LET_GO, consumer, *lane)


async def replace_head(
    connection: AsyncConnection, consumer: str, lane: Lane, head: Head, by: RawRecord, new_id: UUID
) -> None:
    """Another message takes the head's place in the line and is tried at once. The head is kept as
    it came, as ``edited``; the inbox knows it, lest it is taken up when it comes again."""
    kept = head.record
    await bulk.execute(connection, TAKE_PLACE, head.id, new_id, by.value, by.headers_json())
    await bulk.execute(
        connection,
        KEEP_EDITED,
        head.id,
        head.event_id,
        kept.value,
        kept.headers_json(),
        head.tries,
    )
    await bulk.execute(connection, GO_ON, consumer, *lane)
