"""A process that is told to stop does."""

from __future__ import annotations

import asyncio

from chassis.runtime import end


async def test_what_loses_a_cancellation_is_cancelled_again() -> None:
    lost = 0

    async def goes_on() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost += 1
                if lost > 1:
                    raise

    async def has_failed() -> None:
        raise RuntimeError("seen elsewhere")

    tasks = [asyncio.create_task(goes_on()), asyncio.create_task(has_failed())]
    await asyncio.sleep(0)

    async with asyncio.timeout(10):
        await end(tasks)

    assert (lost, [task.done() for task in tasks]) == (2, [True, True])


async def test_nothing_to_end_is_no_wait() -> None:
    await end([])
