"""Time as a source of commands: a function called again and again, by any number of instances."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from chassis import timer_failures
from chassis.db import Database
from chassis.due import Work, keep_up
from chassis.failures import is_infrastructure
from chassis.timer_failures import but_failing
from chassis.transaction import Transaction

logger = logging.getLogger(__name__)

Tick = Callable[[Transaction], Awaitable[int]]
Act = Callable[[UUID, Transaction], Awaitable[None]]
Handle = Callable[[Sequence[UUID], Transaction], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Rows:
    """Which rows a timer handles, and how. See `Timers.portions`."""

    timer: str
    query: str
    handle: Handle

    async def ids(self, tx: Transaction) -> list[UUID]:
        return [row[0] for row in await tx.read(self.query, tx.now)]

    async def tick(self, tx: Transaction) -> int:
        """Handle a portion; returns how many rows it has."""
        return await self.deal_with(await self.ids(tx), tx)

    async def deal_with(self, ids: Sequence[UUID], tx: Transaction) -> int:
        if ids:
            await self.handle(ids, tx)
            await timer_failures.forget(tx, self.timer, ids)
        return len(ids)


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
    rows: Rows | None = None
    """Of a timer that handles rows."""

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

    def portions(
        self, condition: str, query: str, *, row_id: str = "id"
    ) -> Callable[[Handle], Handle]:
        """While a condition holds, run the function for the rows whose ids the query finds.

        The query takes the present moment as ``$1`` and holds ``{but_failing}`` among its
        conditions. A portion is one transaction; when that fails, each of its rows gets one, and
        the rows that fail are noted and left out for a while (`chassis.timer_failures`), so that
        one row stops no other.
        """

        def register(handle: Handle) -> Handle:
            name = getattr(handle, "__name__", "timer")
            rows = Rows(name, query.format(but_failing=but_failing(name, row_id)), handle)
            self.timers.append(Timer(name, rows.tick, condition, rows=rows))
            return handle

        return register

    def each(self, condition: str, query: str) -> Callable[[Act], Act]:
        """Like `portions`, for a function that handles one row. The query locks the rows with SKIP
        LOCKED, so that instances share the work."""

        def register(act: Act) -> Act:
            async def handle(ids: Sequence[UUID], tx: Transaction) -> None:
                for row_id in ids:
                    await act(row_id, tx)

            handle.__name__ = getattr(act, "__name__", "timer")
            self.portions(condition, query)(handle)
            return act

        return register

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
    """One portion; returns how many rows were dealt with."""
    try:
        async with database.transaction() as tx:
            return await timer.tick(tx)
    except Exception as error:
        if timer.rows is None or is_infrastructure(error):
            raise
        return await _one_by_one(database, timer.rows)


async def _one_by_one(database: Database, rows: Rows) -> int:
    """Handle each row of a portion in a transaction of its own; note those that fail."""
    async with database.transaction() as tx:
        ids = await rows.ids(tx)
    for row_id in ids:
        try:
            async with database.transaction() as tx:
                await rows.deal_with([row_id], tx)
        except Exception as error:
            if is_infrastructure(error):
                raise
            await timer_failures.note(database, rows.timer, row_id, error)
    return len(ids)
