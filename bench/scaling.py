"""``make bench-scaling``: what a journey costs in all, what one service can take, and what more
partitions and instances change. Prints figures of this machine; .ltc/scaling.json. Its own
installation, on the ports of `make up`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import httpx

from bench.platform import Platform
from bench.processes import pss_mib, used_between
from ltc.installation import Installation, running
from ltc.programs import Program, migrate, service
from ltc.settings import STAGES, Settings

PARTITIONS = (12, 48)
INSTANCES = (1, 2, 4)
HEARERS = STAGES[1:]
DRAINED_WITHIN_S = 300
WAL = "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"
SIZES = "SELECT datname, pg_database_size(datname) FROM pg_database WHERE datname = ANY($1)"
QUIET_S = 10.0

RATE = """
WITH heard AS (SELECT at, ntile(10) OVER (ORDER BY at) AS tenth FROM (
  SELECT {at} AS at FROM {table}) AS rows)
SELECT count(*) / extract(epoch FROM max(at) - min(at))
FROM heard WHERE tenth BETWEEN 2 AND 9
"""
"""Rows a second, without the first and the last tenth."""
HEARD = "SELECT count(*) FROM inbox"


@asynccontextmanager
async def fresh(settings: Settings, **what: Any) -> AsyncIterator[Platform]:
    """An installation that has no history."""
    shutil.rmtree(settings.home, ignore_errors=True)
    async with running(Installation(settings, **what)):
        yield Platform(settings)


async def with_partitions(settings: Settings, partitions: int, journeys: int) -> dict[str, Any]:
    """The whole platform on topics of so many partitions: alone, at 10/s, and in bulk."""
    async with fresh(settings, partitions=partitions) as platform:
        await platform.saturate(500, bulk=True)
        before = platform.cpu()
        await asyncio.sleep(QUIET_S)
        idle = used_between(before, platform.cpu())
        p50, p99 = await platform.latency(150, per_s=10)
        dwell50, dwell99 = await platform.dwell()
        held = await storage(platform)
        bulk = await platform.saturate(journeys, bulk=True)
        grown = {name: size - held[name] for name, size in (await storage(platform)).items()}
        return {
            "idle_cpu_ms_per_s": sum(idle.values()) * 1000 / QUIET_S,
            "latency_p50_ms": p50,
            "latency_p99_ms": p99,
            "outbox_dwell_p50_ms": dwell50,
            "outbox_dwell_p99_ms": dwell99,
            "express_per_s": bulk.per_s,
            "cpu_ms_per_journey": sum(bulk.cpu_ms.values()),
            "cpu_ms_by_process": bulk.cpu_ms,
            "kib_per_journey": {n: size / journeys / 1024 for n, size in grown.items()},
            "memory_mib": pss_mib(platform.settings.run_dir),
        }


async def storage(platform: Platform) -> dict[str, int]:
    """Bytes of each database, of PostgreSQL's write-ahead log so far, and of Kafka's log."""
    names = [*STAGES, "console"]
    connection = await asyncpg.connect(platform.dsn("lead"))
    try:
        sizes = dict.fromkeys(names, 0)
        for name in names:  # a role sees the size of its own database alone
            own = await asyncpg.connect(platform.dsn(name))
            sizes |= dict(await own.fetch(SIZES, [name]))
            await own.close()
        sizes["wal"] = int(await connection.fetchval(WAL))
    finally:
        await connection.close()
    logs = (platform.settings.home / "data" / "kafka").rglob("*.log")
    sizes["kafka"] = sum(file.stat().st_blocks * 512 for file in logs)
    return sizes


async def with_instances(settings: Settings, instances: int, journeys: int) -> dict[str, Any]:
    """Each service drains what the one before it said, alone with PostgreSQL and Kafka."""
    found: dict[str, Any] = {}
    async with fresh(settings, only=("lead",)) as platform:
        await asyncio.to_thread(migrate, settings, HEARERS)
        found["lead"] = await captured(platform, journeys)
        for stage in HEARERS:
            found[stage] = await drained(platform, stage, instances, journeys)
    return found


async def captured(platform: Platform, journeys: int) -> dict[str, float]:
    """What lead-svc takes in by its bulk door, and says."""
    began, cpu = time.monotonic(), platform.cpu()
    async with httpx.AsyncClient(
        base_url=platform.settings.url("lead"), headers=platform.headers, timeout=120
    ) as client:
        await platform.offer_in_bulk(client, "scale", journeys)
    await settled(platform, "lead", journeys)
    took = time.monotonic() - began
    return {"per_s": journeys / took, "cpu_ms": cpu_ms(platform, cpu, ["lead"], journeys)}


async def drained(
    platform: Platform, stage: str, instances: int, journeys: int
) -> dict[str, float]:
    """Messages of a backlog a second, and CPU of the service for each, its start apart."""
    programs = [service(platform.settings, os.environ, stage, n + 1) for n in range(instances)]
    with ThreadPoolExecutor(instances) as pool:
        await asyncio.to_thread(lambda: list(pool.map(Program.start, programs)))
    connection = await asyncpg.connect(platform.dsn(stage))
    try:
        early, began = await connection.fetchval(HEARD), used(programs)
        await settled(platform, stage, journeys)
        messages, ended = await connection.fetchval(HEARD), used(programs)
        rate = await connection.fetchval(RATE.format(at="received_at", table="inbox"))
    finally:
        await connection.close()
        with ThreadPoolExecutor(instances) as pool:
            await asyncio.to_thread(lambda: list(pool.map(Program.stop, programs)))
    figures = {"per_s": float(rate), "messages": float(messages)}
    if messages - early > messages / 4:  # else it was over before every instance was ready
        figures["cpu_ms"] = (ended - began) * 1000 / (messages - early)
    return figures


def used(programs: Sequence[Program]) -> float:
    """CPU seconds of programs so far."""
    found = [p.child.process() for p in programs]
    return sum(sum(process.cpu_times()[:2]) for process in found if process is not None)


async def settled(platform: Platform, stage: str, journeys: int) -> None:
    """Wait until a service has heard of every journey and published all it has to say."""
    connection = await asyncpg.connect(platform.dsn(stage))
    least = 0 if stage == "lead" else journeys
    seen: tuple[int, ...] = ()
    began = time.monotonic()
    try:
        while True:
            heard, waiting, said = await connection.fetchrow(
                "SELECT (SELECT count(*) FROM inbox), (SELECT count(*) FROM outbox),"
                " (SELECT count(*) FROM event_log)"
            )
            if heard >= least and waiting == 0 and said >= journeys and seen == (heard, said):
                return
            seen = (heard, said)
            if time.monotonic() - began > DRAINED_WITHIN_S:
                raise TimeoutError(f"{stage} heard {heard} and said {said}, {waiting} wait")
            await asyncio.sleep(1.5)
    finally:
        await connection.close()


def cpu_ms(
    platform: Platform, before: dict[str, float], names: Sequence[str], journeys: int
) -> float:
    after = platform.cpu()
    return sum(after[name] - before.get(name, 0) for name in names) * 1000 / journeys


def show(title: str, figures: dict[str, Any]) -> None:
    print(title, flush=True)
    for name, value in figures.items():
        shown = value if isinstance(value, dict) else {"": value}
        words = "  ".join(f"{n} {v:.2f}".strip() for n, v in shown.items())
        print(f"  {name:<24} {words}", flush=True)


async def measure(settings: Settings, journeys: int) -> dict[str, Any]:
    figures: dict[str, Any] = {"partitions": {}, "instances": {}}
    for partitions in PARTITIONS:
        found = await with_partitions(settings, partitions, journeys)
        figures["partitions"][partitions] = found
        show(f"{partitions} partitions a topic", found)
    for instances in INSTANCES:
        found = await with_instances(settings, instances, journeys)
        figures["instances"][instances] = found
        show(f"{instances} instances of each, its backlog alone", found)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journeys", type=int, default=3000)
    given = Settings.from_env()
    settings = replace(given, home=given.home / "scaling")
    figures = asyncio.run(measure(settings, parser.parse_args().journeys))
    (given.home / "scaling.json").write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
