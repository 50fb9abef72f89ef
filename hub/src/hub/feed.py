"""Reading the feed: what lies behind a cursor, for one subscriber, by their filter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis import bulk
from chassis.db import Database
from chassis.problems import Problem
from hub.cursors import BEGINNING, Cursor
from hub.events import cloud_event

SPAN = 20_000
"""Positions that one page looks through for what the filter wants, so that a page costs about the
same however rare that is."""
KEEP_FEED = "SELECT keep_feed()"

ENDS = """
SELECT f.position, e.position, e.seen_at
FROM feed_floor f
LEFT JOIN LATERAL (SELECT position, seen_at FROM feed ORDER BY position DESC LIMIT 1) e ON true
"""
PAGE = """
SELECT position, seen_at, type, envelope, data FROM feed
WHERE position > $1 AND position <= $2 AND seen_at > $3
  AND ($4::text[] IS NULL OR type = ANY($4)) AND ($5::text[] IS NULL OR stage = ANY($5))
  AND ($6::uuid IS NULL OR subject = $6) AND ($7::uuid IS NULL OR journey_id = $7)
ORDER BY position LIMIT $8
"""
FROM_INSTANT = "SELECT min(position) - 1, min(seen_at) FROM feed WHERE seen_at >= $1"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which facts a reader wants, and may have. None of a kind: all."""

    types: tuple[str, ...] | None = None
    stages: tuple[str, ...] | None = None
    subject: UUID | None = None
    journey: UUID | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether an index finds what it wants, without looking through the rest."""
        return self.subject is not None or self.journey is not None


@dataclass(frozen=True, slots=True)
class Ends:
    """The part of the feed that is kept."""

    floor: int
    """The last position that is kept no more."""
    last: int
    last_at: datetime

    @property
    def oldest(self) -> Cursor:
        return Cursor(self.floor, BEGINNING)

    @property
    def latest(self) -> Cursor:
        return Cursor(self.last, self.last_at)


@dataclass(frozen=True, slots=True)
class Event:
    """One fact of a page, and the cursor behind it."""

    cursor: Cursor
    type: str
    text: str
    """The CloudEvent."""


@dataclass(frozen=True, slots=True)
class Page:
    """What lies behind a cursor, and where to go on."""

    events: tuple[Event, ...]
    next: Cursor
    more: bool
    """Whether the feed goes on already."""


class CursorExpired(Problem):
    """What lies behind the cursor is not kept any more, at least not all of it."""

    def __init__(self, oldest: Cursor) -> None:
        super().__init__(
            410,
            "the facts behind this cursor are not kept any more: read the present states at"
            " /states and go on from the cursor given there, or go on from `oldest` and miss what"
            " was between",
            type="cursor-expired",
            members={"oldest": str(oldest), "states": "/states"},
        )


async def keep_days(database: Database) -> None:
    """See that the feed has its partitions before the first fact comes."""
    await bulk.ask(database.engine, KEEP_FEED)


async def ends(database: Database) -> Ends:
    """What is kept now. Whoever reads afterwards finds everything up to its end."""
    [(floor, last, last_at)] = await bulk.ask(database.engine, ENDS)
    return Ends(floor, max(floor, last or 0), last_at or BEGINNING)


async def read(
    database: Database, after: Cursor, wanted: Filter, *, limit: int, personal: bool
) -> Page:
    """The next page. Raises CursorExpired."""
    now = await ends(database)
    if not now.floor <= after.position <= now.last:
        raise CursorExpired(now.oldest)
    upto = now.last if wanted.is_narrow else min(now.last, after.position + SPAN)
    rows: list[Any] = await bulk.ask(
        database.engine,
        PAGE,
        after.position,
        upto,
        after.since,
        wanted.types,
        wanted.stages,
        wanted.subject,
        wanted.journey,
        limit,
    )
    events = tuple(
        Event(Cursor(row[0], row[1]), row[2], cloud_event(*row[2:5], personal=personal))
        for row in rows
    )
    if len(events) == limit:
        behind = events[-1].cursor
    elif upto == now.last:
        behind = now.latest
    else:
        behind = Cursor(upto, events[-1].cursor.at if events else after.at)
    return Page(events, behind, behind.position < now.last)


async def from_instant(database: Database, instant: datetime) -> Cursor:
    """The cursor in front of everything that came in at an instant or later."""
    now = await ends(database)
    [(position, at)] = await bulk.ask(database.engine, FROM_INSTANT, instant)
    if position is None:
        return now.latest
    return Cursor(max(position, now.floor), at)
