"""Due work: one statement asks the database what there is to do, and wakes the tasks that do it.

Each kind of work names the SQL condition under which it has something to do. A process asks all of
its conditions in one statement, once a second at rest, so that an idle service costs the database
one statement. A commit of the same process sets `Work.wake` itself where nobody may wait for that.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.bulk import ask
from chassis.failures import is_infrastructure

logger = logging.getLogger(__name__)

LOOK_S = 1.0
"""Longest time until work is seen that became due by time, by another process, or by a process that
was killed before it had done it."""
LOOK_AGAIN_S = 0.5
"""The same while the last look has found something."""
AFTER_FAILURE_S = 1.0
"""Then the next look wakes the work again, if it is still due."""


@dataclass(frozen=True, slots=True)
class Work:
    """Something to do whenever a condition on the database holds."""

    name: str
    condition: str
    """A boolean expression in SQL; ``clock.now`` is the present moment. The least time is compared
    with it rather than ``EXISTS`` asked: an index gives that at once, also when nothing is due."""
    run: Callable[[], Awaitable[Any]] | None = None
    """Does a portion, and is called again while it returns more than none. `None`: a task of its
    own waits for ``wake``."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)


async def keep_up(engine: AsyncEngine, works: Sequence[Work]) -> None:
    """Do work as it becomes due, until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        for work in works:
            if work.run is not None:
                tasks.create_task(_do_when_woken(work, work.run))
        tasks.create_task(_look_for_ever(engine, works))


async def look(engine: AsyncEngine, works: Sequence[Work]) -> list[Work]:
    """Wake the work that is due; returns it. A condition that fails hides no other."""
    try:
        due = await _due(engine, works)
    except Exception as error:
        if is_infrastructure(error) or len(works) == 1:
            logger.warning("%s: %s: %s", _names(works), type(error).__name__, error)
            return []
        due = [found for work in works for found in await look(engine, [work])]
    for work in due:
        work.wake.set()
    return due


async def _due(engine: AsyncEngine, works: Sequence[Work]) -> list[Work]:
    conditions = ", ".join(f"({work.condition})" for work in works)
    statement = f"SELECT {conditions} FROM (VALUES ($1::timestamptz)) AS clock(now)"  # noqa: S608 - ours
    [row] = await ask(engine, statement, datetime.now(UTC))
    return [work for work, holds in zip(works, row, strict=True) if holds]


async def _look_for_ever(engine: AsyncEngine, works: Sequence[Work]) -> None:
    while True:
        found = await look(engine, works)
        await asyncio.sleep(LOOK_AGAIN_S if found else LOOK_S)


async def _do_when_woken(work: Work, run: Callable[[], Awaitable[Any]]) -> None:
    while True:
        await work.wake.wait()
        work.wake.clear()
        try:
            while await run():
                pass
        except Exception as error:
            if is_infrastructure(error):
                logger.warning("%s: %s: %s", work.name, type(error).__name__, error)
            else:
                logger.exception("%s", work.name)
            await asyncio.sleep(AFTER_FAILURE_S)


def _names(works: Sequence[Work]) -> str:
    return ", ".join(work.name for work in works)
