"""Who did what, and whether it helped: said of a message that was handled, not of a button."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Query
from pydantic import BaseModel

from chassis.http import TransactionalRoute, Tx
from chassis.ops.acts import ConsumerName, Looker

router = APIRouter(route_class=TransactionalRoute)

ACTS = """
SELECT a.id, a.at, a.actor_sub, a.actor_name, a.action, a.object_type, a.object_id,
       a.before::text AS before, a.after::text AS after, a.reason, a.journey_id,
       CASE WHEN a.object_type NOT LIKE 'parked:%' THEN NULL
            WHEN a.action = 'skip' THEN CASE
              WHEN k.key IS NULL OR k.parked_at > a.at THEN 'resolved'
              WHEN k.attempts > 0 THEN 'failed_again' ELSE 'pending' END
            WHEN a.action IN ('retry', 'edit', 'release') AND e.id IS NOT NULL THEN CASE
              WHEN m.state IN ('skipped', 'edited') THEN 'failed_again'
              WHEN m.state IS NOT NULL THEN
                CASE WHEN k.attempts > 0 THEN 'failed_again' ELSE 'pending' END
              WHEN EXISTS (SELECT 1 FROM inbox i WHERE i.consumer = $1 AND i.event_id = e.id)
                THEN 'resolved'
              ELSE 'pending' END
       END AS outcome
FROM audit a
CROSS JOIN LATERAL (SELECT (a.after->>'event_id')::uuid AS id) e
LEFT JOIN parked_key k ON k.consumer = $1 AND k.topic = substr(a.object_type, 8)
  AND k.key = a.object_id
LEFT JOIN parked_message m ON m.consumer = $1 AND m.event_id = e.id
WHERE (($2::uuid IS NULL AND $3::text[] IS NULL) OR a.journey_id = $2 OR a.object_id = ANY($3))
  AND ($4::uuid IS NULL OR a.id < $4)
ORDER BY a.id DESC LIMIT $5
"""


class Act(BaseModel):
    """One act of one person or system."""

    id: UUID
    at: datetime
    actor_sub: str
    actor_name: str
    action: str
    object_type: str
    object_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str
    journey_id: UUID | None
    outcome: Literal["resolved", "pending", "failed_again"] | None
    """Of acts on a parked message: ``resolved`` once it was handled (after a skip: once nothing of
    its key waits any more). None of what waits for nothing."""


class Acts(BaseModel):
    """Some acts, the newest first; ``next`` is the ``after`` of those before them."""

    items: list[Act]
    next: UUID | None = None


@router.get("/audit", operation_id="listActs")
async def list_acts(
    _: Looker,
    tx: Tx,
    consumer: ConsumerName,
    journey_id: UUID | None = None,
    object_id: Annotated[list[str] | None, Query(max_length=50)] = None,
    after: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Acts:
    """What was done here, by whom and why, and what became of it: to a journey, to any of these
    objects, to either when both are given. A record that is no fact belongs to no journey, but its
    key does."""
    rows = await tx.read(ACTS, consumer, journey_id, object_id, after, limit + 1)
    acts = [_act(row) for row in rows[:limit]]
    return Acts(items=acts, next=acts[-1].id if len(rows) > limit else None)


def _act(row: Any) -> Act:
    values = dict(row)
    for side in ("before", "after"):
        values[side] = orjson.loads(values[side]) if values[side] else None
    return Act(**values)
