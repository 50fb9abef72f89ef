"""Who waits for the end of the feed, and what tells them that it has moved."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from weakref import WeakKeyDictionary

from chassis import bulk
from chassis.db import Database

logger = logging.getLogger(__name__)

SWEEP_S = 0.1
"""How soon what another instance has added is seen here while the feed goes on; what this one adds
is seen at once."""
REST_S = 1.0
"""The same when the feed has rested: each look that finds nothing doubles the pause up to this."""
END = "SELECT position FROM feed ORDER BY position DESC LIMIT 1"


class Watch:
    """The end of one database's feed. One look serves all who wait in this process, and nobody
    looks while nobody waits."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._added = asyncio.Event()
        self._moved = asyncio.Condition()
        self._waiting = 0
        self._looking: asyncio.Task[None] | None = None
        self._end = 0

    def ring(self) -> None:
        """Something was added and committed."""
        self._added.set()

    async def beyond(self, position: int, within_s: float) -> bool:
        """Wait until the feed goes on behind a position; false when it did not in that time."""
        self._waiting += 1
        if self._looking is None or self._looking.done():
            self._added.set()
            self._looking = asyncio.create_task(self._look())
        try:
            async with asyncio.timeout(within_s), self._moved:
                await self._moved.wait_for(lambda: self._end > position)
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
        return True

    async def _look(self) -> None:
        pause = SWEEP_S
        while self._waiting:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._added.wait()
            self._added.clear()
            try:
                rows = await bulk.ask(self._database.engine, END)
            except Exception as error:
                logger.warning("the feed was not looked at: %s: %s", type(error).__name__, error)
                await asyncio.sleep(SWEEP_S)
                continue
            end = rows[0][0] if rows else 0
            pause = SWEEP_S if end != self._end else min(pause * 2, REST_S)
            self._end = end
            async with self._moved:
                self._moved.notify_all()


_watches: WeakKeyDictionary[Database, Watch] = WeakKeyDictionary()


def watch(database: Database) -> Watch:
    """The watch over a database's feed, one a process."""
    found = _watches.get(database)
    if found is None:
        found = _watches[database] = Watch(database)
    return found
