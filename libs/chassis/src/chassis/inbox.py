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


async def dismiss(connection: AsyncConnection, consumer: str, event_ids: Sequence[UUID]) -> None:
    """Take back events that were entered in this transaction and could not be handled."""
    await bulk.execute(connection, DISMISS, consumer, list(event_ids))


async def seen(connection: AsyncConnection, consumer: str, event_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the events that have had their effect."""
    rows = await bulk.fetch(connection, SEEN, consumer, list(event_ids))
    return {row[0] for row in rows}
