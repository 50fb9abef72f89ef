"""``make bench-growth [JOURNEYS=100000]``: what a journey costs as an installation fills.

Express journeys are offered in portions, at most a few portions under way, up to each mark; there
the cost since the mark before, the sizes and the console's answers are printed and written to
.ltc/bench-growth.json. A run that is stopped goes on where it was: the installation under
.ltc/growth keeps its data, the file its marks. ``--fresh`` begins anew.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections import deque
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from bench.deliveries import quiet
from bench.figures import Figures, machine, p95
from bench.platform import SETTLED, Platform, web_order
from bench.processes import pss_mib, used_between
from bench.running import installation
from bench.sizes import sizes, tables
from ltc.settings import Settings

MARKS = (500, 1_000, 2_000, 5_000)
PORTION = 250
UNDER_WAY = 4
"""Portions offered and not yet settled: enough to keep every service busy."""
ASKED = 40
SETTLED_WITHIN_S = 120.0
OF_PORTION = (
    "SELECT count(*) FROM billing_account WHERE status = 'settled' AND journey_id = ANY($1::uuid[])"
)


def marks(until: int) -> list[int]:
    """1, 2 and 5 of each power of ten, from 500, and the last."""
    found, factor = set(MARKS), 10_000
    while factor <= until:
        found |= {factor, 2 * factor, 5 * factor}
        factor *= 10
    return sorted({mark for mark in found if mark < until} | {until})


async def fill(platform: Platform, journeys: int) -> float:
    """Send so many express journeys through; seconds until the last is settled."""
    run, began = uuid4().hex[:6], time.monotonic()
    billing = await asyncpg.connect(platform.dsn("billing"))
    offered: deque[list[UUID]] = deque()
    async with httpx.AsyncClient(
        base_url=platform.settings.url("lead"), headers=platform.headers, timeout=120
    ) as client:
        for start in range(0, journeys, PORTION):
            last = min(start + PORTION, journeys)
            leads = [web_order(run, n) for n in range(start, last)]
            answer = await client.post("/leads/batch", json={"leads": leads})
            answer.raise_for_status()
            offered.append([UUID(row["journey_id"]) for row in answer.json()["results"]])
            if len(offered) == UNDER_WAY:
                await settled(billing, offered.popleft())
    for portion in offered:
        await settled(billing, portion)
    await billing.close()
    return time.monotonic() - began


async def settled(billing: asyncpg.Connection[Any], portion: list[UUID]) -> None:
    """Wait until every journey of a portion is settled. Costs the same however many there are."""
    until = time.monotonic() + SETTLED_WITHIN_S
    while await billing.fetchval(OF_PORTION, portion) < len(portion):
        if time.monotonic() > until:
            raise TimeoutError(f"a portion did not settle within {SETTLED_WITHIN_S:.0f} s")
        await asyncio.sleep(0.1)


async def reach(platform: Platform, have: int, mark: int) -> dict[str, Any]:
    """Fill up to a mark; the cost of a journey since the one before, and the state there."""
    cpu, held = platform.cpu(), await sizes(platform)
    took = await fill(platform, mark - have)
    await quiet(platform)
    used = used_between(cpu, platform.cpu())
    now = await sizes(platform)
    count = mark - have
    return {
        "journeys": mark,
        "journeys_per_s": count / took,
        "cpu_ms_per_journey": sum(used.values()) * 1000 / count,
        "cpu_ms_by_process": {name: s * 1000 / count for name, s in used.items()},
        "wal_kib_per_journey": _grown(held, now, "wal_mib") * 1024 / count,
        "full_page_images_per_journey": _grown(held, now, "full_page_images") / count,
        "console_p95_ms": await answers(platform),
        "pss_mib": pss_mib(platform.settings.run_dir),
        "sizes": now,
        "tables": await tables(platform),
    }


def _grown(before: dict[str, Any], after: dict[str, Any], figure: str) -> float:
    return float(after["postgres"][figure] - before["postgres"][figure])


async def answers(platform: Platform) -> dict[str, float]:
    """The 95th percentile of the console's answers, by question, in ms."""
    console = await asyncpg.connect(platform.dsn("console"))
    found = await console.fetch(
        "SELECT key FROM journey_key WHERE key LIKE 'L-%' ORDER BY key DESC LIMIT 20000"
    )
    await console.close()
    numbers = random.sample([str(row[0]) for row in found], ASKED)
    questions: dict[str, list[tuple[str, dict[str, str]]]] = {
        "list": [("/journeys", {})] * ASKED,
        "settled": [("/journeys", {"state": "settled"})] * ASKED,
        "customer": [("/journeys", {"q": f"Bench {n}"}) for n in numbers],
        "stuck": [("/stuck", {})] * ASKED,
        "search": [("/search", {"q": number}) for number in numbers],
        "record": [(f"/journeys/{number}", {}) for number in numbers],
    }
    async with httpx.AsyncClient(
        base_url=platform.settings.url("console"), headers=platform.headers, timeout=60
    ) as client:
        return {name: p95(await _asked(client, asked)) for name, asked in questions.items()}


async def _asked(
    client: httpx.AsyncClient, questions: list[tuple[str, dict[str, str]]]
) -> list[float]:
    took = []
    for path, parameters in questions:
        began = time.perf_counter()
        (await client.get(path, params=parameters)).raise_for_status()
        took.append((time.perf_counter() - began) * 1000)
    return took


def printed(mark: dict[str, Any]) -> str:
    """One line of a mark."""
    slowest = max(mark["console_p95_ms"], key=mark["console_p95_ms"].__getitem__)
    parts = sorted(mark["cpu_ms_by_process"].items(), key=lambda part: -part[1])
    total = sum(
        part.get("tables_mib", 0) + part.get("indexes_mib", 0) for part in mark["sizes"].values()
    )
    return (
        f"{mark['journeys']:>9,}  {mark['journeys_per_s']:6.1f}/s"
        f"  {mark['cpu_ms_per_journey']:5.2f} CPU ms"
        f" ({', '.join(f'{name} {ms:.2f}' for name, ms in parts if ms >= 0.1)})"
        f"  WAL {mark['wal_kib_per_journey']:.0f} KiB"
        f"  console p95 {mark['console_p95_ms'][slowest]:.0f} ms ({slowest})"
        f"  databases {total:,.0f} MiB"
    )


def ratio(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The cost at the last mark as a share of that at 1,000; nothing while there is no other."""
    first = next((m for m in found if m["journeys"] >= 1_000), None)
    if first is None or first is found[-1]:
        return {}
    return {
        "growth_cost_ratio": found[-1]["cpu_ms_per_journey"] / first["cpu_ms_per_journey"],
        "growth_journeys": found[-1]["journeys"],
    }


async def measure(platform: Platform, until: int, figures: Figures) -> None:
    billing = await asyncpg.connect(platform.dsn("billing"))
    have = int(await billing.fetchval(SETTLED))
    await billing.close()
    for mark in marks(until):
        if mark <= have:
            continue
        found = await reach(platform, have, mark)
        have = mark
        print(printed(found), flush=True)
        figures["marks"].append(found)
        figures.update(ratio(figures["marks"]))
        figures.keep()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journeys", type=int, default=100_000)
    parser.add_argument("--fresh", action="store_true")
    asked = parser.parse_args()
    file = Settings.from_env().home / "bench-growth.json"
    if asked.fresh:
        file.unlink(missing_ok=True)
    kept = json.loads(file.read_text())["marks"] if file.exists() else []
    figures = Figures(file, **machine(), marks=kept)
    with installation("growth", fresh=asked.fresh) as (platform, _):
        asyncio.run(measure(platform, asked.journeys, figures))


if __name__ == "__main__":
    main()
