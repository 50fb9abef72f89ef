"""Messages that cannot be handled now wait in the consumer's database, in the order of their key.

The first message that fails parks its *key*; later ones of that key queue behind it. A worker tries
the head again on a schedule, or at once when what it waited for arrives. After the last try the key
is dead and waits for a person (`chassis.ops`). A key that a person holds waits until they let go.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import bulk, inbox, tries
from chassis.delivery import Delivery, RawRecord, Undecodable
from chassis.domain import DependencyMissing
from chassis.failures import cannot_pass
from chassis.tables import ParkedMessageRow, table_of

RETRY_AFTER_S = (1.0, 5.0, 30.0, 300.0, 1800.0)
"""Seconds until the next try, by the number of tries so far. After the last one: dead."""

Lane = tuple[str, str]

LOCK_LANES = """
SELECT p.topic, p.key FROM parked_key p
JOIN unnest($2::text[], $3::text[]) AS lane(topic, key)
  ON p.topic = lane.topic AND p.key = lane.key
WHERE p.consumer = $1 ORDER BY p.topic, p.key FOR UPDATE OF p
"""
ADMIT = f"""
WITH parked AS MATERIALIZED ({LOCK_LANES}),
entered AS (
  INSERT INTO inbox (consumer, event_id, received_at)
  SELECT $1, e.id, $7 FROM unnest($4::uuid[], $5::text[], $6::text[]) AS e(id, topic, key)
  WHERE NOT EXISTS (SELECT 1 FROM parked p WHERE p.topic = e.topic AND p.key = e.key)
  ORDER BY e.id ON CONFLICT DO NOTHING RETURNING event_id)
SELECT NULL::uuid, topic, key FROM parked
UNION ALL SELECT event_id, NULL, NULL FROM entered
"""  # noqa: S608 - a constant of this module
"""Both in one round trip."""
PARK_KEY = """
INSERT INTO parked_key (consumer, topic, key, status, attempts, next_retry_at, error_class, error,
                        wake_key, trace_id, parked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (consumer, topic, key) DO UPDATE SET
  status = CASE parked_key.status WHEN 'held' THEN 'held' ELSE excluded.status END,
  attempts = excluded.attempts, next_retry_at = excluded.next_retry_at,
  error_class = excluded.error_class, error = excluded.error, wake_key = excluded.wake_key,
  trace_id = excluded.trace_id
"""
KEPT = """
SELECT event_id FROM parked_message WHERE consumer = $1 AND event_id = ANY($2::uuid[])
"""


async def lock_lanes(
    connection: AsyncConnection, consumer: str, lanes: Sequence[Lane]
) -> set[Lane]:
    """Those of the lanes that are parked, locked so that no worker drains them meanwhile."""
    if not lanes:
        return set()
    topics, keys = zip(*lanes, strict=True)
    rows = await bulk.fetch(connection, LOCK_LANES, consumer, list(topics), list(keys))
    return {(row[0], row[1]) for row in rows}


async def admit(
    connection: AsyncConnection,
    consumer: str,
    lanes: Sequence[Lane],
    events: Sequence[tuple[UUID, str, str]],
    now: datetime,
) -> tuple[set[UUID], set[Lane]]:
    """Enter events (id, topic, key) whose lane is not parked; returns those that were not there
    yet, and the lanes that are parked: locked, and theirs are not entered."""
    topics, keys = zip(*lanes, strict=True)
    ids, of_topics, of_keys = zip(*events, strict=True) if events else ((), (), ())
    rows = await bulk.fetch(connection, ADMIT, consumer, topics, keys, ids, of_topics, of_keys, now)
    fresh = {row[0] for row in rows if row[0] is not None}
    return fresh, {(row[1], row[2]) for row in rows if row[0] is None}


def gives_up(error: BaseException, attempts: int) -> bool:
    """Whether a message is not tried again by itself after so many failed tries."""
    hopeless = isinstance(error, Undecodable) or cannot_pass(error)
    return hopeless or attempts > len(RETRY_AFTER_S)


async def park(
    connection: AsyncConnection,
    consumer: str,
    delivery: Delivery,
    error: BaseException,
    *,
    now: datetime,
    attempts: int = 1,
) -> None:
    """Park the lane of a failed message, or put off the next try of its head."""
    hopeless = gives_up(error, attempts)
    wait = RETRY_AFTER_S[min(attempts, len(RETRY_AFTER_S)) - 1] * random.uniform(0.9, 1.1)  # noqa: S311
    wake_key = f"{error.kind}:{error.missing_id}" if isinstance(error, DependencyMissing) else None
    topic, key = delivery.lane
    await bulk.execute(
        connection,
        PARK_KEY,
        consumer,
        topic,
        key,
        "dead" if hopeless else "retrying",
        attempts,
        now + timedelta(seconds=wait),
        type(error).__name__,
        tries.why(error),
        wake_key,
        delivery.trace.trace_id if delivery.trace else None,
        now,
    )


async def append(
    connection: AsyncConnection,
    consumer: str,
    deliveries: Sequence[Delivery],
    *,
    now: datetime,
    failed: Mapping[UUID, str],
) -> None:
    """Queue messages behind their parked keys, with their bytes and headers as they came.
    ``failed`` has, by event, the try that parked its key."""
    done = await inbox.seen(connection, consumer, [d.event_id for d in deliveries])
    rows = [
        _row(consumer, d, "dead" if d.error else "waiting", now, failed.get(d.event_id))
        for d in deliveries
        if d.error or d.event_id not in done  # what cannot be read is no fact that was handled
    ]
    await bulk.insert(
        connection, table_of(ParkedMessageRow), rows, on_conflict="ON CONFLICT DO NOTHING"
    )


async def kept(connection: AsyncConnection, consumer: str, event_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these messages that wait here or were given up: they have their verdict."""
    if not event_ids:
        return set()
    return {row[0] for row in await bulk.fetch(connection, KEPT, consumer, list(event_ids))}


async def keep_given_up(
    connection: AsyncConnection,
    consumer: str,
    deliveries: Sequence[Delivery],
    *,
    now: datetime,
    failed: Mapping[UUID, str],
) -> None:
    """Keep messages that park no key, with their bytes and headers as they came. The inbox is not
    told: whatever carries such an id and can be read is another message."""
    await bulk.insert(
        connection,
        table_of(ParkedMessageRow),
        [_row(consumer, d, "skipped", now, failed.get(d.event_id)) for d in deliveries],
        on_conflict="ON CONFLICT DO NOTHING",
    )


async def note_try(connection: AsyncConnection, consumer: str, event_id: UUID, failed: str) -> None:
    """Another try of a waiting message has failed."""
    await bulk.execute(connection, tries.NOTE, consumer, event_id, failed)


def _row(
    consumer: str, delivery: Delivery, state: str, now: datetime, failed: str | None
) -> dict[str, object]:
    envelope, record = delivery.envelope, delivery.record
    return {
        "consumer": consumer,
        "event_id": delivery.event_id,
        "topic": record.topic,
        "key": delivery.key,
        "partition": record.partition,
        "kafka_offset": record.offset,
        "type": envelope.type if envelope else None,
        "headers": RawRecord.headers_json(record),  # type: ignore[arg-type]
        "raw": record.value,
        "state": state,
        "error": str(delivery.error) if delivery.error else None,
        "journey_id": envelope.journey_id if envelope else None,
        "parked_at": now,
        "tries": f"[{failed}]" if failed else "[]",
    }
