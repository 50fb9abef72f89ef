"""Who still gets a version of a fact that ends or has a successor, by webhook or from the feed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from datetime import date, datetime
from functools import cache
from itertools import islice
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from chassis import bulk
from chassis.auth import Actor, roles
from chassis.db import Database
from chassis.http import TransactionalRoute, Tx
from contracts.catalog import FACTS
from contracts.lifetimes import Ending, endings
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
READERS = "SELECT subscriber, type, pattern, last_at FROM old_reader ORDER BY type, subscriber"
NOTE = """
INSERT INTO old_reader AS known (subscriber, type, pattern, last_at)
SELECT $1, o.type, o.pattern, now() FROM unnest($2::text[], $3::text[]) AS o(type, pattern)
ON CONFLICT (subscriber, type) DO UPDATE SET pattern = excluded.pattern, last_at = excluded.last_at
WHERE known.last_at < now() - interval '1 minute' OR known.pattern IS DISTINCT FROM excluded.pattern
RETURNING 1
"""
"""Once a minute is enough to know when somebody came last."""


class Straggler(BaseModel):
    """Somebody who still gets a version that ends or has a successor."""

    type: str
    instead: str
    ends: date | None
    """Until when it is said; none: no end is set."""
    door: Literal["webhook", "feed"]
    subscriber: str
    endpoint_id: UUID | None
    """None: at the feed."""
    url: str | None
    pattern: str | None
    """What in a filter or a question names the type; none: every type is asked for."""
    last_at: datetime | None
    """When it was delivered or read last, in the last 30 days."""


@cache
def old_types() -> dict[str, Ending]:
    """What ends or has a successor. A release knows its facts: it does not change in a process."""
    return endings()


async def note_reader(
    database: Database, subscriber: str, asked: Sequence[str], given: Set[str]
) -> None:
    """Remember whom the feed gave old versions, and by which pattern of their question."""
    old = sorted(old_types().keys() & given)
    if old:
        by = [next(_patterns(asked, type_), None) for type_ in old]
        await bulk.ask(database.engine, NOTE, subscriber, old, by)


@router.get("/subscribers/stragglers", operation_id="listStragglers")
async def list_stragglers(
    _: Annotated[Actor, Depends(roles("admin", "ops", "auditor"))], tx: Tx
) -> list[Straggler]:
    """Everybody who still gets an old version by webhook or from the feed, by type. At Kafka all
    types of a topic come to whoever reads it: the groups of a topic say who that is."""
    old = old_types()
    if not old:
        return []
    endpoints = await tx.read(ENDPOINTS)
    found = [(type_, e, p) for type_ in old for e in endpoints for p in _goes_to(e, type_)]
    last = await tx.read(LAST, [e["id"] for _, e, _ in found], [type_ for type_, _, _ in found])
    at = {(row["endpoint_id"], row["type"]): row["ended_at"] for row in last}
    told = [
        _told(
            type_,
            door="webhook",
            subscriber=endpoint["subscriber"],
            endpoint_id=endpoint["id"],
            url=endpoint["url"],
            pattern=pattern,
            last_at=at.get((endpoint["id"], type_)),
        )
        for type_, endpoint, pattern in found
    ]
    told += [
        _told(door="feed", endpoint_id=None, url=None, **row)
        for row in map(dict, await tx.read(READERS))
        if row["type"] in old
    ]
    return sorted(told, key=lambda one: one.type)


def _told(type: str, **who: Any) -> Straggler:
    ending = old_types()[type]
    return Straggler(type=type, instead=ending.instead, ends=ending.ends, **who)


def _goes_to(endpoint: Any, type_: str) -> Iterator[str | None]:
    """What in an endpoint's filter lets a type through; nothing when nothing does."""
    stage = FACTS[type_].topic.split(".")[1]
    if endpoint["stages"] and stage not in endpoint["stages"]:
        return
    if endpoint["granted"] is not None and stage not in endpoint["granted"]:
        return
    if not endpoint["types"]:
        yield None
        return
    yield from islice(_patterns(endpoint["types"], type_), 1)


def _patterns(asked: Sequence[str], type_: str) -> Iterator[str]:
    """Which patterns name a type."""
    return (pattern for pattern in asked if known_types([pattern], [type_])[0])
