"""Time as a source of commands: a function called again and again, by any number of instances."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from chassis.db import Database
from chassis.transaction import Transaction

logger = logging.getLogger(__name__)

Tick = Callable[[Transaction], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Timer:
    """A bounded piece of work and how often to look for it. It claims its rows with SKIP LOCKED,
    so instances share the work, and returns how many it dealt with: more than none asks again."""

    name: str
    every_s: float
    tick: Tick


@dataclass(slots=True)
class Timers:
    """The timers of one service."""

    timers: list[Timer] = field(default_factory=list)

    def every(self, seconds: float) -> Callable[[Tick], Tick]:
        """Run the function in a transaction of its own, every so many seconds."""

        def register(tick: Tick) -> Tick:
            name = getattr(tick, "__name__", "timer")
            self.timers.append(Timer(name, seconds, tick))
            return tick

        return register


async def run_timer(database: Database, timer: Timer) -> None:
    """Run one timer until cancelled. A failing tick is logged and tried again at its next time."""
    while True:
        await asyncio.sleep(timer.every_s)
        try:
            while await run_once(database, timer):
                pass
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("timer %s", timer.name)


async def run_once(database: Database, timer: Timer) -> int:
    async with database.transaction() as tx:
        return await timer.tick(tx)
