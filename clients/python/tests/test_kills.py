"""A subscriber killed fifty times at random ends with what an undisturbed one has."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from live_hub import a_hub
from speaking import Said, a_deal, from_here, publish
from tests.integration.stack import eventually

from local_infra.testing import kafka_bootstrap
from ltc_client import InSql

EXAMPLES = Path(__file__).parents[2] / "examples"
KILLS = 50
DEALS_AT_FIRST = 2000
DEALS_A_ROUND = 10
SEED = int(os.environ.get("LTC_KILL_SEED", "4"))

Start = Callable[[Path], subprocess.Popen[bytes]]
"""Starts the sales board on a file."""


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
    return sum(int(str(row[-1])) for row in rows(board))


def with_repeats(deals: list[list[Said]], chance: random.Random) -> list[Said]:
    """As after a relay was killed: what was said last is said again."""
    found: list[Said] = []
    for deal in deals:
        found += deal
        if chance.random() < 0.1:
            found += chance.choice(deals)
    return found


async def killed_at_random(start: Start, board: Path, chance: random.Random, bootstrap: str) -> int:
    """Says more and more while it kills; returns how many died with work done and work to do."""
    in_the_midst = 0
    for n in range(KILLS):
        before = facts_on(board)
        process = start(board)
        await publish(
            bootstrap, with_repeats([list(a_deal(n)) for _ in range(DEALS_A_ROUND)], chance)
        )
        if chance.random() < 0.2:  # while it starts
            await asyncio.sleep(chance.uniform(0, 0.5))
        else:
            enough = before + chance.randint(1, 50)
            async with asyncio.timeout(60):
                while facts_on(board) < enough:  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(0.005)
        process.kill()
        process.wait()
        said = (DEALS_AT_FIRST + (n + 1) * DEALS_A_ROUND) * 3
        in_the_midst += before < facts_on(board) < said
    return in_the_midst


async def ends_with(start: Start, board: Path, facts: int) -> None:
    process = start(board)

    async def found() -> int:
        return facts_on(board)

    try:
        await eventually(found, facts, within_s=120)
        await asyncio.sleep(1)  # what comes too often would come now
        assert await found() == facts
    finally:
        process.terminate()
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


async def end_alike(start: Start, boards: tuple[Path, Path]) -> None:
    """One is killed fifty times, most of them with work done and work to do; one is not."""
    bootstrap, chance = kafka_bootstrap(), random.Random(SEED)
    killed, undisturbed = boards
    deals = [list(a_deal(n)) for n in range(DEALS_AT_FIRST)]
    await publish(bootstrap, with_repeats(deals, chance))
    assert await killed_at_random(start, killed, chance, bootstrap) >= KILLS // 2
    said = (DEALS_AT_FIRST + KILLS * DEALS_A_ROUND) * 3
    await ends_with(start, killed, said)
    await ends_with(start, undisturbed, said)
    assert rows(killed) == rows(undisturbed)
    assert {row[-1] for row in rows(killed)} == {3}


@pytest.mark.timeout(600)
async def test_at_kafka(boards: tuple[Path, Path]) -> None:
    await end_alike(a_board("kafka", kafka_bootstrap()), boards)


@pytest.mark.timeout(600)
async def test_at_the_feed(boards: tuple[Path, Path], tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    async with a_hub(folder) as hub:
        await end_alike(a_board("feed", hub.url, LTC_TOKEN=hub.token()), boards)
