"""Which endpoints still get a version of a fact that ends or has a successor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from chassis.auth import Actor, roles
from chassis.http import TransactionalRoute, Tx
from contracts.catalog import FACTS
from contracts.lifetimes import endings
from hub.events import known_types

router = APIRouter(tags=["subscribers"], route_class=TransactionalRoute)

ENDPOINTS = """
SELECT e.id, e.subscriber, e.url, e.types, e.stages, s.stages AS granted
FROM endpoint e LEFT JOIN subscriber s ON s.name = e.subscriber ORDER BY e.subscriber, e.id
"""
LAST = """
SELECT a.endpoint_id, a.type, d.ended_at
FROM unnest($1::uuid[], $2::text[]) AS a(endpoint_id, type)
CROSS JOIN LATERAL (
  SELECT ended_at FROM delivery
  WHERE endpoint_id = a.endpoint_id AND type = a.type AND state = 'delivered'
  ORDER BY created_at DESC, event_id DESC LIMIT 1) d
"""


class StragglingEndpoint(BaseModel):
    """An endpoint that a version still goes to which ends or has a successor."""

    type: str
    instead: str
    ends: date | None
    """Until when it is said; none: no end is set."""
    subscriber: str
    endpoint_id: UUID
    url: str
    pattern: str | None
    """What in its filter names the type; none: it gets every type."""
    last_delivered_at: datetime | None
    """Of the last 30 days."""


def _asked_for(endpoint: Any, type_: str) -> Iterator[str | None]:
    """What in an endpoint's filter lets a type through; nothing when nothing does."""
    stage = FACTS[type_].topic.split(".")[1]
    if endpoint["stages"] and stage not in endpoint["stages"]:
        return
    if endpoint["granted"] is not None and stage not in endpoint["granted"]:
        return
    for pattern in endpoint["types"] or [None]:
        if pattern is None or known_types([pattern], [type_])[0]:
            yield pattern
            return


@router.get("/subscribers/stragglers", operation_id="listStragglers")
async def list_stragglers(
    _: Annotated[Actor, Depends(roles("admin", "ops", "auditor"))], tx: Tx
) -> list[StragglingEndpoint]:
    """Each endpoint that still gets an old version, by type. What is read at the feed or at Kafka
    is recorded nowhere."""
    old = endings()
    endpoints = await tx.read(ENDPOINTS) if old else []
    found = [(type_, e, p) for type_ in old for e in endpoints for p in _asked_for(e, type_)]
    last = await tx.read(LAST, [e["id"] for _, e, _ in found], [type_ for type_, _, _ in found])
    at = {(row["endpoint_id"], row["type"]): row["ended_at"] for row in last}
    return [
        StragglingEndpoint(
            type=type_,
            instead=old[type_].instead,
            ends=old[type_].ends,
            subscriber=endpoint["subscriber"],
            endpoint_id=endpoint["id"],
            url=endpoint["url"],
            pattern=pattern,
            last_delivered_at=at.get((endpoint["id"], type_)),
        )
        for type_, endpoint, pattern in found
    ]
