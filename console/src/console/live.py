"""Who watches pages that change by themselves, and what tells them: one look a second for all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
from fastapi import Request

from chassis import bulk
from chassis.auth import Actor
from chassis.db import Database
from console import access

logger = logging.getLogger(__name__)

EVERY_S = 1.0
HEARTBEAT_S = 15.0
"""How long a page hears nothing at most; proxies hang up on silence."""
STREAM_S = 600.0
"""A stream ends after this, and its page comes again as somebody who is looked at again."""
MOST = 50
"""Journeys named in one event."""
OVERLAP = timedelta(seconds=5)
"""How long a transaction may take to commit what it has seen and still be noticed; and of so long
ago a page is told when it comes, which may have asked for its content shortly before."""
SEEN = "SELECT event_id, journey_id FROM journey_event WHERE seen_at >= $1"
UNFOLDED = "SELECT DISTINCT journey_id FROM unfolded WHERE journey_id = ANY($1::uuid[])"


@dataclass(slots=True)
class Change:
    """What has happened since a page was told last."""

    journeys: Counter[UUID] = field(default_factory=Counter)
    """Each with the number of its events."""

    def as_event(self) -> bytes:
        named = [str(journey) for journey in [*self.journeys][:MOST]]
        more = len(self.journeys) > MOST
        told = {"journeys": named, "more": more, "facts": self.journeys.total()}
        return b"event: changed\ndata: " + orjson.dumps(told) + b"\n\n"


@dataclass(eq=False, slots=True)
class Listener:
    """One open page."""

    change: Change = field(default_factory=Change)
    told: asyncio.Event = field(default_factory=asyncio.Event)


class Live:
    """The facts that come in, of all instances. Nobody looks while nobody listens."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listeners: set[Listener] = set()
        self._recent: dict[UUID, UUID] = {}  # journeys of the facts of the last seconds, by event
        self._looking: asyncio.Task[None] | None = None

    async def stream(self, draining: asyncio.Event | None, viewer: Actor) -> AsyncIterator[bytes]:
        """Events for one page, until it goes away, we stop, or ten minutes are over. They name the
        journeys alone that its viewer may see."""
        until = time.monotonic() + STREAM_S
        listener = Listener()
        self._listeners.add(listener)
        if self._looking is None or self._looking.done():
            self._recent = {}
            self._looking = asyncio.create_task(self._look())
        _tell(listener, [*self._recent.values()])
        try:
            yield b"retry: 1000\n\n"
            silent_s = 0.0
            while time.monotonic() < until and not (draining and draining.is_set()):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(EVERY_S):
                        await listener.told.wait()
                listener.told.clear()
                change = await self._seen(listener, viewer)
                silent_s += EVERY_S
                if change.journeys:
                    silent_s = 0.0
                    yield change.as_event()
                elif silent_s >= HEARTBEAT_S:
                    silent_s = 0.0
                    yield b": still here\n\n"
        finally:
            self._listeners.discard(listener)

    async def _seen(self, listener: Listener, viewer: Actor) -> Change:
        """What the viewer may see of the change. Whose a journey is becomes known when its newest
        events are folded: until then they are kept back."""
        change, listener.change = listener.change, Change()
        if not change.journeys or access.sees_all(viewer):
            return change
        try:
            async with self._database.transaction(actor=viewer) as tx:
                tx.rollback_only()
                seen = await access.visible(change.journeys, tx)
                late = {row[0] for row in await tx.read(UNFOLDED, list(change.journeys))}
        except Exception as error:
            logger.warning("no look at changes: %s: %s", type(error).__name__, error)
            seen, late = set(), set(change.journeys)
        listener.change.journeys += _only(change.journeys, late - seen)
        return Change(_only(change.journeys, seen))

    async def _look(self) -> None:
        while self._listeners:
            try:
                since = datetime.now(UTC) - OVERLAP
                rows = await bulk.ask(self._database.engine, SEEN, since)
            except Exception as error:
                logger.warning("no look at new facts: %s: %s", type(error).__name__, error)
            else:
                new = [row[1] for row in rows if row[0] not in self._recent]
                self._recent = {row[0]: row[1] for row in rows}
                for listener in self._listeners:
                    _tell(listener, new)
            await asyncio.sleep(EVERY_S)


def _only(counts: Counter[UUID], journeys: Collection[UUID]) -> Counter[UUID]:
    return Counter({one: n for one, n in counts.items() if one in journeys})


def _tell(listener: Listener, journeys: list[UUID]) -> None:
    if journeys:
        listener.change.journeys.update(journeys)
        listener.told.set()


def live_of(request: Request) -> Live:
    """This process's one; made for the first page."""
    state = request.app.state
    if not hasattr(state, "live"):
        state.live = Live(state.database)
    return state.live  # type: ignore[no-any-return]
