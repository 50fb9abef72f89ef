"""What fails, by kind: keys that wait for one reason are one line, and one thing to repair."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from chassis.http import TransactionalRoute, Tx
from chassis.ops.acts import ConsumerName, Looker

router = APIRouter(route_class=TransactionalRoute)

FAILED = r"""
SELECT k.consumer, k.topic, k.key, k.error_class, k.error, k.parked_at, h.event_id, h.type,
       left(md5(concat_ws('|', k.consumer, h.type, k.error_class, regexp_replace(regexp_replace(
         k.error, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', '<id>', 'gi'),
         '[0-9]+', '<n>', 'g'))), 16) AS fingerprint,
       (SELECT count(*) FROM parked_message m WHERE m.consumer = k.consumer AND m.topic = k.topic
        AND m.key = k.key AND m.state IN ('waiting', 'dead')) AS messages
FROM parked_key k CROSS JOIN LATERAL (
  SELECT event_id, type FROM parked_message m WHERE m.consumer = k.consumer AND m.topic = k.topic
  AND m.key = k.key AND m.state IN ('waiting', 'dead') ORDER BY m.id LIMIT 1) h
WHERE k.consumer = $1 AND k.status <> 'held'
"""
"""The keys that wait because something failed. Two failures are alike when they are of one class,
at one type of fact, and their messages differ in numbers and ids alone."""
GROUPS = f"""
SELECT f.fingerprint, f.error_class, (array_agg(f.error ORDER BY f.parked_at DESC))[1] AS error,
       f.type, f.consumer, count(*) AS keys, sum(f.messages)::bigint AS messages,
       min(f.parked_at) AS first_at, max(f.parked_at) AS last_at, r.at AS retried_at,
       count(*) FILTER (WHERE r.at IS NULL OR f.parked_at > r.at) AS new_since_retry
FROM ({FAILED}) f
LEFT JOIN (SELECT fingerprint, max(created_at) AS at FROM bulk_run WHERE action = 'retry'
           GROUP BY fingerprint) r USING (fingerprint)
GROUP BY f.fingerprint, f.error_class, f.type, f.consumer, r.at
ORDER BY keys DESC, first_at LIMIT $2
"""  # noqa: S608 - constants of this module


class FailureGroup(BaseModel):
    """Keys that wait for one reason."""

    fingerprint: str
    error_class: str
    error: str
    """The message of the newest of them."""
    type: str | None
    consumer: str
    keys: int
    messages: int
    first_at: datetime
    last_at: datetime
    retried_at: datetime | None
    """When somebody last tried them all again."""
    new_since_retry: int
    """Keys that came after that; all, when nobody has."""


@router.get("/failures", operation_id="listFailures")
async def list_failures(
    _: Looker,
    tx: Tx,
    consumer: ConsumerName,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[FailureGroup]:
    """Why keys wait, the reason that most have first."""
    return [FailureGroup(**dict(row)) for row in await tx.read(GROUPS, consumer, limit)]
