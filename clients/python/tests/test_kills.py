"""A subscriber that is killed fifty times at random ends in the state of an undisturbed one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import pytest
from live_hub import WEBHOOKS, Hub, a_hub, an_endpoint
from speaking import Said, a_deal, deals_everywhere, from_here, publish

from local_infra.ports import free_port
from ltc_client import InSql
from testkit.deadline import DEADLINE_S
from testkit.servers import kafka_bootstrap
from testkit.service_instances import eventually

EXAMPLES = Path(__file__).parents[2] / "examples"
KILLS = 50
DEALS_AHEAD = 600
FEW_AHEAD = 100
"""Deals still to be read when a board starts: more than it reads before it dies."""
FACTS_A_DEAL = 3
SEED = int(os.environ.get("LTC_KILL_SEED", "4"))

Start = Callable[[Path], subprocess.Popen[bytes]]
"""Starts the sales board on a file."""
Say = Callable[[Iterable[Said]], Awaitable[None]]


def a_board(door: str, at: str, **environment: str) -> Start:
    def start(board: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, EXAMPLES / "sales_board.py", board, "--door", door, "--at", at],
            env={**os.environ, **environment},
        )

    return start


def rows(board: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(board, timeout=10) as database:
        found = database.execute(
            "SELECT deal_id, number, customer, owner, stage, minor, currency, facts"
            " FROM deal ORDER BY deal_id"
        ).fetchall()
    database.close()
    return found


def facts_on(board: Path) -> int:
    database = sqlite3.connect(board, timeout=10)
    [(found,)] = database.execute("SELECT coalesce(sum(facts), 0) FROM deal").fetchall()
    database.close()
    return int(found)


def with_repeats(deals: list[list[Said]], chance: random.Random) -> list[Said]:
    """As after a relay was killed: what was said last is said again."""
    found: list[Said] = []
    for deal in deals:
        found += deal
        if chance.random() < 0.1:
            found += chance.choice(deals)
    return found


async def killed_at_random(
    start: Start, board: Path, chance: random.Random, say: Say, ahead: int
) -> tuple[int, int]:
    """Says as much as it reads while it kills, so that each board has work to do, however fast it
    reads here. How many died with work done and work to do, and the facts said in all."""
    in_the_midst = said = 0
    for _ in range(KILLS):
        before = facts_on(board)
        more = [list(a_deal(n)) for n in range(ahead - (said - before) // FACTS_A_DEAL)]
        await say(with_repeats(more, chance))
        said += len(more) * FACTS_A_DEAL
        enough = min(before + chance.randint(1, 50), said)
        process = start(board)
        try:
            if chance.random() < 0.2:  # while it starts
                await asyncio.sleep(chance.uniform(0, 0.5))
            else:
                async with asyncio.timeout(DEADLINE_S):
                    while facts_on(board) < enough:  # noqa: ASYNC110 - it tells nobody
                        await asyncio.sleep(0.005)
        finally:
            process.kill()
            process.wait()
        in_the_midst += before < facts_on(board) < said
    return in_the_midst, said


async def comes_to(board: Path, facts: int) -> None:
    async def found() -> int:
        return facts_on(board)

    await eventually(found, facts)


@contextlib.contextmanager
def undisturbed(start: Start, board: Path) -> Iterator[None]:
    process = start(board)
    try:
        yield
        assert process.poll() is None, "it has ended by itself"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
async def boards(tmp_path: Path) -> tuple[Path, Path]:
    """Two boards that begin at the same point of the topics."""
    paths = tmp_path / "killed.db", tmp_path / "undisturbed.db"
    for path in paths:
        database = sqlite3.connect(path)
        await from_here(kafka_bootstrap(), InSql(database, "sales-board"), "ltc.deal.v1")
        database.execute(table())
        database.commit()
        database.close()
    return paths


def table() -> str:
    source = (EXAMPLES / "sales_board.py").read_text()
    return source.split('TABLE = """')[1].split('"""')[0]


async def end_alike(
    boards: tuple[Path, Path], starts: tuple[Start, Start], say: Say, ahead: int
) -> None:
    """One is killed fifty times, most of them with work done and work to do; one is not."""
    chance = random.Random(SEED)
    killed, quiet = boards
    with undisturbed(starts[1], quiet):
        in_the_midst, said = await killed_at_random(starts[0], killed, chance, say, ahead)
        assert in_the_midst >= KILLS // 2
        with undisturbed(starts[0], killed):
            await comes_to(killed, said)
            last = deals_everywhere()
            await say(fact for deal in last for fact in deal)
            said += len(last) * FACTS_A_DEAL
            await comes_to(killed, said)  # what was counted twice would be too much
        await comes_to(quiet, said)
    assert rows(killed) == rows(quiet)
    assert {row[-1] for row in rows(killed)} == {FACTS_A_DEAL}


@pytest.mark.timeout(1800)
async def test_client_killed_fifty_times_at_kafka_ends_equal(boards: tuple[Path, Path]) -> None:
    bootstrap = kafka_bootstrap()
    start = a_board("kafka", bootstrap)
    await end_alike(boards, (start, start), partial(publish, bootstrap), DEALS_AHEAD)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("door", "ahead"), [("feed", DEALS_AHEAD), ("stream", FEW_AHEAD)])
async def test_client_killed_fifty_times_at_the_feed_ends_equal(
    boards: tuple[Path, Path], tmp_path: Path, door: str, ahead: int
) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    async with a_hub(folder) as hub:
        start = a_board(door, hub.url, LTC_TOKEN=hub.token())
        say = partial(publish, kafka_bootstrap())
        await end_alike(boards, (start, start), say, ahead)


class Endpoint:
    """Where a live hub posts to one board. Its waits between attempts, hours in the end, pass as
    soon as somebody listens."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.port = free_port()
        self._id, self.secret = an_endpoint(hub, self.port)

    @property
    def start(self) -> Start:
        return a_board("webhook", str(self.port), LTC_WEBHOOK_SECRET=self.secret)

    async def hurry(self) -> None:
        while True:
            await asyncio.sleep(0.3)
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                due = f"endpoint_id = '{self._id}' AND state = 'pending' AND attempts > 0"
                due = f"{due} AND lease IS NULL AND next_at > now()"
                due = f"UPDATE delivery SET next_at = now(), attempts = 1 WHERE {due}"  # noqa: S608
                await asyncio.to_thread(self._hub.execute, due)


@pytest.mark.timeout(1800)
async def test_client_killed_fifty_times_at_webhooks_ends_equal(
    boards: tuple[Path, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    async with a_hub(folder, **WEBHOOKS) as hub:
        one, other = Endpoint(hub), Endpoint(hub)
        hurrying = [asyncio.ensure_future(endpoint.hurry()) for endpoint in (one, other)]
        say = partial(publish, kafka_bootstrap())
        await end_alike(boards, (one.start, other.start), say, FEW_AHEAD)
        for task in hurrying:
            assert not task.done(), "it goes on for ever"
            task.cancel()
