"""Which messages have had their effect here. One row per consumer and event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import bulk

ADMIT = """
INSERT INTO inbox (consumer, event_id, received_at)
SELECT $1, id, $3 FROM unnest($2::uuid[]) AS id ORDER BY id
ON CONFLICT DO NOTHING RETURNING event_id
"""
ADMIT_UNPARKED = """
WITH parked AS MATERIALIZED (
  SELECT p.topic, p.key FROM parked_key p
  JOIN unnest($2::text[], $3::text[]) AS lane(topic, key)
    ON p.topic = lane.topic AND p.key = lane.key
  WHERE p.consumer = $1 ORDER BY p.topic, p.key FOR UPDATE OF p),
entered AS (
  INSERT INTO inbox (consumer, event_id, received_at)
  SELECT $1, e.id, $7 FROM unnest($4::uuid[], $5::text[], $6::text[]) AS e(id, topic, key)
  WHERE NOT EXISTS (SELECT 1 FROM parked p WHERE p.topic = e.topic AND p.key = e.key)
  ORDER BY e.id ON CONFLICT DO NOTHING RETURNING event_id)
SELECT NULL::uuid, topic, key FROM parked
UNION ALL SELECT event_id, NULL, NULL FROM entered
"""
"""Locks the lanes that are parked, so that no worker drains them meanwhile, and enters the events
of the others."""
DISMISS = "DELETE FROM inbox WHERE consumer = $1 AND event_id = ANY($2::uuid[])"
SEEN = "SELECT event_id FROM inbox WHERE consumer = $1 AND event_id = ANY($2::uuid[])"


async def admit(
    connection: AsyncConnection, consumer: str, event_ids: Sequence[UUID], now: datetime
) -> set[UUID]:
    """Enter events; returns those that were not there yet. The others have had their effect."""
    if not event_ids:
        return set()
    rows = await bulk.fetch(connection, ADMIT, consumer, list(event_ids), now)
    return {row[0] for row in rows}


async def admit_unparked(
    connection: AsyncConnection,
    consumer: str,
    lanes: Sequence[tuple[str, str]],
    events: Sequence[tuple[UUID, str, str]],
    now: datetime,
) -> tuple[set[UUID], set[tuple[str, str]]]:
    """Enter events (id, topic, key) whose lane is not parked; returns those that were not there
    yet, and the lanes that are parked: locked, and theirs are not entered."""
    topics, keys = zip(*lanes, strict=True)
    ids, of_topics, of_keys = zip(*events, strict=True) if events else ((), (), ())
    rows = await bulk.fetch(
        connection, ADMIT_UNPARKED, consumer, topics, keys, ids, of_topics, of_keys, now
    )
    fresh = {row[0] for row in rows if row[0] is not None}
    return fresh, {(row[1], row[2]) for row in rows if row[0] is None}


async def dismiss(connection: AsyncConnection, consumer: str, event_ids: Sequence[UUID]) -> None:
    """Take back events that were entered in this transaction and could not be handled."""
    await bulk.execute(connection, DISMISS, consumer, list(event_ids))


async def seen(connection: AsyncConnection, consumer: str, event_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the events that have had their effect."""
    rows = await bulk.fetch(connection, SEEN, consumer, list(event_ids))
    return {row[0] for row in rows}
