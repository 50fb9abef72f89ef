"""How soon the console answers with 100,000 journeys in its projection: from paste to answer.

The journeys are copies of two that really ran, a settled one and one that waits, under numbers and
ids of their own; the copies are gone when the bench ends.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx

from bench.journeys import copied
from bench.platform import Platform

SETTLED, WAITING = 10_000, 90_000
ASKED = 60
"""Questions of each kind, each about another journey."""

LATEST = {
    "settled": "SELECT journey_id FROM journey WHERE state = 'settled' ORDER BY last_fact_at DESC",
    "waiting": "SELECT journey_id FROM journey WHERE state = 'open' AND waits_for IS NOT NULL"
    " ORDER BY last_fact_at DESC",
}


async def found_soon(platform: Platform) -> dict[str, float]:
    """Milliseconds from request to whole answer, p50 and p95, by kind of question."""
    connection = await asyncpg.connect(platform.dsn("console"), command_timeout=600)
    try:
        copies = {
            await connection.fetchval(f"{LATEST[state]} LIMIT 1"): (mark, count)
            for mark, count, state in (("8", SETTLED, "settled"), ("9", WAITING, "waiting"))
        }
        async with copied(connection, copies):
            number = await connection.fetchval(
                "SELECT min(key) FROM journey_key WHERE key LIKE 'L-2026-9%'"
            )
            return await _ask(platform, str(number).rsplit("-", 1)[1])
    finally:
        await connection.close()


async def _ask(platform: Platform, end: str) -> dict[str, float]:
    questions: dict[str, Callable[[int], tuple[str, dict[str, Any]]]] = {
        "paste_number": lambda n: ("/search", {"q": f"L-2026-9{n}-{end}"}),
        "paste_part_of_name": lambda n: ("/search", {"q": f" {n}"}),
        "paste_nothing_known": lambda n: ("/search", {"q": f"nobody {n}"}),
        "journey": lambda n: (f"/journeys/L-2026-9{n}-{end}", {}),
        "stuck": lambda n: ("/stuck", {}),
        "journeys": lambda n: ("/journeys", {"state": "open"}),
    }
    figures: dict[str, float] = {}
    async with httpx.AsyncClient(
        base_url=platform.settings.url("console"), headers=platform.headers, timeout=60
    ) as console:
        for name, question in questions.items():
            took: list[float] = []
            for n in random.sample(range(1, WAITING), ASKED):
                path, parameters = question(n)
                began = time.perf_counter()
                (await console.get(path, params=parameters)).raise_for_status()
                took.append((time.perf_counter() - began) * 1000)
            ordered = sorted(took)
            figures[f"console_{name}_p50_ms"] = ordered[len(ordered) // 2]
            figures[f"console_{name}_p95_ms"] = ordered[int(len(ordered) * 0.95)]
    return figures
