"""Somebody who reads the feed: what they ask for, and what they may have at each moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from chassis.db import Database
from hub import feed
from hub.cursors import Cursor
from hub.feed import Filter, Page
from hub.stragglers import note_reader
from hub.subscribers import grant_of
from hub.wake import watch

LOOK_UP_S = 1.0
"""How often somebody who waits looks whether this process is about to stop."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A subscriber with a question. The grant is asked anew for every page."""

    database: Database
    name: str
    """The subject of their token."""
    wanted: Filter
    asked: Sequence[str] = ()
    """The patterns of types in their question; none: every type."""
    draining: asyncio.Event | None = None

    async def read(self, after: Cursor, limit: int) -> Page:
        """The next page, which may have nothing in it. Raises CursorExpired."""
        grant = await grant_of(self.database, self.name)
        wanted = grant.narrow(self.wanted)
        page = await feed.read(self.database, after, wanted, limit=limit, personal=grant.personal)
        await note_reader(self.database, self.name, self.asked, {e.type for e in page.events})
        return page

    async def wait(self, after: Cursor, limit: int, *, within_s: float) -> Page:
        """The next page that has something in it, or one that has not: in ``within_s`` seconds, or
        when this process is about to stop."""
        until = time.monotonic() + within_s
        page = await self.read(after, limit)
        while not page.events:
            left = until - time.monotonic()
            if left <= 0 or self.must_end:
                break
            if not page.more:
                behind = page.next.position
                moved = await watch(self.database).beyond(behind, min(left, LOOK_UP_S))
                if not moved:
                    continue
            page = await self.read(page.next, limit)
        return page

    @property
    def must_end(self) -> bool:
        """Whether this process is about to stop."""
        return self.draining is not None and self.draining.is_set()
