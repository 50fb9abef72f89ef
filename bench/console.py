"""How far the console's projection is behind under load, and how soon the console answers with
100,000 journeys in it: from paste to answer.

The journeys are copies of two that really ran, a settled one and one that waits, under numbers and
ids of their own; the copies are gone when the bench ends.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from bench.figures import p95, percentiles
from bench.journeys import copied
from bench.platform import Platform, web_order

SETTLED, WAITING = 10_000, 90_000
ASKED = 60
"""Questions of each kind, each about another journey."""

LATEST = {
    "settled": "SELECT journey_id FROM journey WHERE state = 'settled' ORDER BY last_fact_at DESC",
    "waiting": "SELECT journey_id FROM journey WHERE state = 'open' AND waits_for IS NOT NULL"
    " ORDER BY last_fact_at DESC",
}
OLDEST_UNFOLDED = """
SELECT coalesce(extract(epoch FROM now() - min(e.seen_at)) * 1000, 0)
FROM unfolded u JOIN journey_event e USING (journey_id, event_id)
"""
FACT_LAG = """
SELECT extract(epoch FROM seen_at - said_at) * 1000 FROM journey_event WHERE said_at > $1
"""


async def keeps_up(platform: Platform, journeys: int, per_s: float) -> dict[str, float]:
    """Milliseconds that a fact needs into the projection, and that its summary is older than it."""
    connection = await asyncpg.connect(platform.dsn("console"))
    summaries: list[float] = []

    async def watch() -> None:
        while True:
            summaries.append(float(await connection.fetchval(OLDEST_UNFOLDED)))
            await asyncio.sleep(0.05)

    since = datetime.now(UTC)
    watching = asyncio.create_task(watch())
    try:
        await platform.latency(journeys, per_s=per_s)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    rows = await connection.fetch(FACT_LAG, since)
    await connection.close()
    p50, p99 = percentiles([float(row[0]) for row in rows])
    summary_p50, summary_p99 = percentiles(summaries)
    return {
        "projection_fact_p50_ms": p50,
        "projection_fact_p99_ms": p99,
        "projection_summary_p50_ms": summary_p50,
        "projection_summary_p99_ms": summary_p99,
    }


async def found_soon(platform: Platform) -> dict[str, float]:
    """Milliseconds from request to whole answer, p50 and p95, by kind of question."""
    connection = await asyncpg.connect(platform.dsn("console"), command_timeout=600)
    await _ask_for_a_person(platform)
    try:
        copies = {
            await _latest(connection, state): (mark, count)
            for mark, count, state in (("8", SETTLED, "settled"), ("9", WAITING, "waiting"))
        }
        async with copied(connection, copies):
            number = await connection.fetchval(
                "SELECT min(key) FROM journey_key WHERE key LIKE 'L-2026-9%'"
            )
            return await _ask(platform, str(number).rsplit("-", 1)[1])
    finally:
        await connection.close()


async def _ask_for_a_person(platform: Platform) -> None:
    """A lead without an order: somebody must qualify it."""
    lead = {k: v for k, v in web_order(uuid4().hex[:6], 0).items() if k != "order"}
    async with httpx.AsyncClient(headers=platform.headers, timeout=60) as client:
        answer = await client.post(f"{platform.settings.url('lead')}/leads", json=lead)
        answer.raise_for_status()


async def _latest(connection: asyncpg.Connection[Any], state: str) -> UUID:
    for _ in range(600):
        found = await connection.fetchval(f"{LATEST[state]} LIMIT 1")
        if found is not None:
            return UUID(str(found))
        await asyncio.sleep(0.1)
    raise LookupError(f"no journey is {state} in the projection")


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
            figures[f"console_{name}_p50_ms"] = median(took)
            figures[f"console_{name}_p95_ms"] = p95(took)
    figures["console_p95_ms"] = max(v for name, v in figures.items() if name.endswith("_p95_ms"))
    return figures
