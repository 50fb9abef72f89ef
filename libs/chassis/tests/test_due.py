"""Due work: what is asked of the database, what wakes work, and what a failure does to the rest."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from thing_service import thing_app

from chassis import due
from chassis.due import Work, keep_up, look
from testkit.service_instances import eventually

A_THING = "EXISTS (SELECT 1 FROM thing)"
INSERT = "INSERT INTO thing VALUES (gen_random_uuid(), $1, 1, 1, now() + make_interval(secs => $2))"
NEVER_S = 3600.0


@pytest.fixture
async def app() -> AsyncIterator[FastAPI]:
    async with thing_app() as app:
        yield app


class Done:
    """Counts how often each work was done."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()

    def work(self, name: str, condition: str, *results: int | Exception) -> Work:
        """Work that ends in these results one after the other, then in none."""
        left = list(results)

        async def run() -> int:
            self.times[name] += 1
            result = left.pop(0) if left else 0
            if isinstance(result, Exception):
                raise result
            return result

        return Work(name, condition, run)

    def at_least(self, name: str, times: int) -> Callable[[], object]:
        async def done() -> bool:
            return self.times[name] >= times

        return done


@asynccontextmanager
async def keeping_up(app: FastAPI, *works: Work) -> AsyncIterator[None]:
    task = asyncio.create_task(keep_up(app.state.database.engine, works))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def make_thing(app: FastAPI, name: str, *, in_s: float = 0.0) -> None:
    async with app.state.database.engine.begin() as connection:
        await connection.exec_driver_sql(INSERT, (name, in_s))


async def found(app: FastAPI, works: Sequence[Work]) -> list[str]:
    return [work.name for work in await look(app.state.database.engine, works)]


async def test_due_work_is_that_whose_condition_holds(app: FastAPI) -> None:
    works = [Work("any", A_THING), Work("all", "true"), Work("none", "NULL::boolean")]
    assert await found(app, works) == ["all"]

    await make_thing(app, "one")
    assert await found(app, works) == ["any", "all"]
    assert [work.wake.is_set() for work in works] == [True, True, False]


async def test_due_work_is_told_the_present_moment(app: FastAPI) -> None:
    work = Work("later", "(SELECT min(made_at) FROM thing) <= clock.now")
    await make_thing(app, "in an hour", in_s=3600)
    assert await found(app, [work]) == []

    await make_thing(app, "an hour ago", in_s=-3600)
    assert await found(app, [work]) == ["later"]


async def test_due_work_is_found_although_another_condition_fails(app: FastAPI) -> None:
    works = [Work("broken", "SELECT nonsense"), Work("sound", "true")]
    assert await found(app, works) == ["sound"]


async def test_due_work_is_done_when_it_becomes_due_by_time(app: FastAPI) -> None:
    done = Done()
    work = done.work("later", "(SELECT min(made_at) FROM thing) <= clock.now")
    await make_thing(app, "soon", in_s=0.7)
    async with keeping_up(app, work):
        await eventually(done.at_least("later", 1), True)


async def test_due_work_is_done_again_until_nothing_is_left(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "LOOK_AGAIN_S", NEVER_S)
    done = Done()
    async with keeping_up(app, done.work("portions", "true", 5, 5, 2)):
        await eventually(done.at_least("portions", 4), True)
    assert done.times["portions"] == 4


async def test_due_work_that_a_commit_wakes_waits_for_no_look(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "LOOK_S", NEVER_S)
    done = Done()
    work = done.work("woken", "false")
    async with keeping_up(app, work):
        work.wake.set()
        await eventually(done.at_least("woken", 1), True)


async def test_due_work_that_fails_is_tried_again_and_holds_up_no_other(app: FastAPI) -> None:
    """Whatever fails: the work itself, or its surroundings."""
    done = Done()
    failing = done.work("failing", A_THING, ValueError("a bug"), ConnectionError("no database"))
    async with keeping_up(app, failing, done.work("other", A_THING)):
        await make_thing(app, "one")
        await eventually(done.at_least("failing", 3), True)
        await eventually(done.at_least("other", 3), True)


async def test_due_work_goes_on_when_the_database_is_there_again(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def away(*_: object) -> list[Work]:
        nonlocal asked
        asked += 1
        raise ConnectionError("the database is away")

    done = Done()
    with monkeypatch.context() as patched:
        patched.setattr(due, "_due", away)
        async with keeping_up(app, done.work("late", "true")):

            async def was_away() -> bool:
                return asked >= 2

            await eventually(was_away, True)
            assert done.times["late"] == 0
            patched.undo()
            await eventually(done.at_least("late", 1), True)
