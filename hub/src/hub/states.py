"""Reading the states: where somebody new begins."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from chassis import bulk
from chassis.db import Database
from hub.cursors import Cursor
from hub.events import attributes, cloud_event
from hub.folding import FOLDED, state_envelope

PAGE = """
SELECT aggregate_id, stage, journey_id, sequence, event_id, said_at, data FROM snapshot
WHERE stage = $1 AND ($2::uuid IS NULL OR aggregate_id > $2) ORDER BY aggregate_id LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class States:
    """Some states, where to go on, and from where the feed tells what came after them."""

    states: tuple[str, ...]
    """As CloudEvents."""
    next: UUID | None
    feed: Cursor


async def read(
    database: Database, stage: str, after: UUID | None, *, limit: int, personal: bool
) -> States:
    """A page of a stage's states, in the order of their aggregates' ids."""
    [(position, at)] = await bulk.ask(database.engine, FOLDED)  # before what is read behind it
    rows = await bulk.ask(database.engine, PAGE, stage, after, limit + 1)
    states = []
    for row in rows[:limit]:
        envelope = state_envelope(row)
        states.append(
            cloud_event(envelope.type, attributes(envelope), row["data"], personal=personal)
        )
    following = rows[limit - 1]["aggregate_id"] if len(rows) > limit else None
    return States(tuple(states), following, Cursor(position, at))
