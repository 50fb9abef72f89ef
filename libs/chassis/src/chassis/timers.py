"""Time as a source of commands: a function called again and again, by any number of instances."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from chassis.db import Database
from chassis.due import Work, keep_up
from chassis.transaction import Transaction

logger = logging.getLogger(__name__)

Tick = Callable[[Transaction], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Timer:
    """A bounded piece of work and when it is called. It claims its rows with SKIP LOCKED, so
    instances share the work, and returns how many it dealt with: more than none asks again."""

    name: str
    tick: Tick
    condition: str = ""
    """Under which it is called (`chassis.due`). Empty: it is called by the clock."""
    every_s: float = 0.0
    pause_s: float = 0.0
    """With a condition: how long it waits before it asks again."""

    def work(self, database: Database) -> Work:
        """What a look at the database wakes. Only of a timer with a condition."""
        return Work(self.name, self.condition, partial(_portion, database, self))


@dataclass(slots=True)
class Timers:
    """The timers of one service."""

    timers: list[Timer] = field(default_factory=list)

    def every(self, seconds: float) -> Callable[[Tick], Tick]:
        """Run the function in a transaction of its own, every so many seconds: for housekeeping."""
        return self._register(every_s=seconds)

    def when(self, condition: str) -> Callable[[Tick], Tick]:
        """Run the function in a transaction of its own while an SQL condition holds, in which
        ``clock.now`` is the present moment."""
        return self._register(condition=condition)

    def _register(self, *, condition: str = "", every_s: float = 0.0) -> Callable[[Tick], Tick]:
        def register(tick: Tick) -> Tick:
            name = getattr(tick, "__name__", "timer")
            self.timers.append(Timer(name, tick, condition, every_s))
            return tick

        return register


async def run_timer(database: Database, timer: Timer) -> None:
    """Run one timer until cancelled. A failing tick is logged and tried again at its next time."""
    if timer.condition:
        await keep_up(database.engine, [timer.work(database)])
    while True:
        await asyncio.sleep(timer.every_s)
        try:
            while await run_once(database, timer):
                pass
        except Exception:
            logger.exception("timer %s", timer.name)


async def _portion(database: Database, timer: Timer) -> int:
    dealt_with = await run_once(database, timer)
    if dealt_with:
        await asyncio.sleep(timer.pause_s)
    return dealt_with


async def run_once(database: Database, timer: Timer) -> int:
    async with database.transaction() as tx:
        return await timer.tick(tx)
