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

from bench.platform import Platform

SETTLED, WAITING = 10_000, 90_000
ASKED = 60
"""Questions of each kind, each about another journey."""

LATEST = {
    "settled": "SELECT journey_id FROM journey WHERE state = 'settled' ORDER BY last_fact_at DESC",
    "waiting": "SELECT journey_id FROM journey WHERE state = 'open' AND waits_for IS NOT NULL"
    " ORDER BY last_fact_at DESC",
}
COPY_FACTS = """
INSERT INTO journey_event (journey_id, event_id, type, source, subject, sequence, said_at, seen_at,
    causation_id, trace_id, kafka_partition, kafka_offset, payload)
SELECT md5($2 || n)::uuid, md5(event_id || $2 || n)::uuid, type, source,
    md5(subject || $2 || n)::uuid::text, sequence, said_at, seen_at, NULL, trace_id,
    kafka_partition, kafka_offset,
    replace(payload, '-2026-', '-2026-' || $2 || n || '-')
FROM journey_event CROSS JOIN generate_series(1, $3::integer) n WHERE journey_id = $1
"""
COPY_SUMMARIES = """
INSERT INTO journey (journey_id, customer, stage, state, gate_stage, waits_for, due_at, seller,
    seller_team, last_fact_at)
SELECT md5($2 || n)::uuid, customer || ' ' || n, stage, state, gate_stage, waits_for,
    due_at - n * interval '1 s', seller, seller_team, last_fact_at - n * interval '1 s'
FROM journey CROSS JOIN generate_series(1, $3::integer) n WHERE journey_id = $1
"""
COPY_KEYS = """
INSERT INTO journey_key
SELECT replace(key, '-2026-', '-2026-' || $2 || n || '-'), md5($2 || n)::uuid
FROM journey_key CROSS JOIN generate_series(1, $3::integer) n
WHERE journey_id = $1 AND key LIKE '%-2026-%'
"""
FORGET = """
DELETE FROM {table} WHERE journey_id IN (SELECT md5($1 || n)::uuid FROM generate_series(1, $2) n)
"""


async def found_soon(platform: Platform) -> dict[str, float]:
    """Milliseconds from request to whole answer, p50 and p95, by kind of question."""
    connection = await asyncpg.connect(platform.dsn("console"), command_timeout=600)
    try:
        for mark, count, state in (("8", SETTLED, "settled"), ("9", WAITING, "waiting")):
            journey = await connection.fetchval(f"{LATEST[state]} LIMIT 1")
            for statement in (COPY_FACTS, COPY_SUMMARIES, COPY_KEYS):
                await connection.execute(statement, journey, mark, count)
        await connection.execute("VACUUM ANALYZE journey, journey_event, journey_key")
        number = await connection.fetchval(
            "SELECT min(key) FROM journey_key WHERE key LIKE 'L-2026-9%'"
        )
        return await _ask(platform, str(number).rsplit("-", 1)[1])
    finally:
        for mark, count in (("8", SETTLED), ("9", WAITING)):
            for table in ("journey", "journey_key", "journey_event"):
                await connection.execute(FORGET.format(table=table), mark, count)
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
