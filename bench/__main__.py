"""``make bench``: figures of this machine, in one run, as ratios to the kernel; .ltc/bench.json.

The run has an installation of its own under .ltc/bench, made anew, on the ports of `make up`.
``--only`` measures some parts alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable
from typing import Any

from bench.console import found_soon, keeps_up
from bench.figures import Figures, machine, percentiles
from bench.goals import print_goals
from bench.imports import imported
from bench.kernel import HOPS, journeys_per_second, latencies_ms
from bench.outside import heard_outside
from bench.platform import Platform
from bench.processes import pss_mib
from bench.ratios import ratios
from bench.running import installation
from local_infra.postgres import Postgres
from ltc.settings import Settings

WARM_UP = 500
"""Journeys before anything is measured: Kafka's virtual machine compiles what it runs often."""
LONE = 300
"""Journeys at ten a second, for a latency."""
SETTLE_S, REST_S = 20.0, 20.0
PARTS = ("rest", "latency", "bulk", "http", "console", "outside", "kernel", "lists", "imports")


def kernels(settings: Settings) -> dict[str, float]:
    """The kernel beside the installation at rest: journeys a second, and milliseconds of one."""
    dsn = Postgres(settings.home, settings.pg_port).admin_dsn
    bootstrap = f"127.0.0.1:{settings.kafka_port}"

    def run(**how: Any) -> float:
        return journeys_per_second(dsn, bootstrap, **how)

    one = run(batch=1, unnest=False, journeys=400)
    many = run(batch=500, unnest=False, journeys=6000)
    unnested = run(batch=500, unnest=True, journeys=12000)
    p50, p99 = percentiles(latencies_ms(dsn, bootstrap, journeys=LONE, per_s=10))
    return {
        "kernel_batch1_per_s": one,
        "kernel_executemany_per_s": many,
        "kernel_best_per_s": max(many, unnested),
        "kernel_hops_per_s": max(many, unnested) * HOPS,
        "kernel_latency_p50_ms": p50,
        "kernel_latency_p99_ms": p99,
    }


async def measure(
    platform: Platform, journeys: int, figures: Figures, wanted: Callable[[str], bool]
) -> None:
    if wanted("rest"):
        figures.note(await platform.at_rest(SETTLE_S, REST_S))
    await platform.saturate(WARM_UP, bulk=True)
    if wanted("latency"):
        p50, p99 = await platform.latency(LONE, per_s=10)
        figures.note({"latency_p50_ms": p50, "latency_p99_ms": p99})
        p50, p99 = await platform.dwell()
        figures.note({"outbox_dwell_p50_ms": p50, "outbox_dwell_p99_ms": p99})
    if wanted("bulk"):
        figures.note(await in_bulk(platform, journeys))
    if wanted("http"):
        singly = await platform.saturate(journeys // 2, bulk=False)
        figures.note({"express_http_per_s": singly.per_s})
    if wanted("console"):
        figures.note(await keeps_up(platform, LONE // 2, per_s=10))
    if wanted("outside"):
        figures.note(await heard_outside(platform, LONE // 2, bulk=journeys // 2))
    memory = pss_mib(platform.settings.run_dir)
    figures.note({"loaded_pss_mib": sum(memory.values()), "loaded_pss_by_process": memory})
    if wanted("kernel"):
        figures.note(await asyncio.to_thread(kernels, platform.settings))
    if wanted("lists"):
        figures.note(await found_soon(platform))
    if wanted("imports"):
        figures.note(await imported(platform))


async def in_bulk(platform: Platform, journeys: int) -> dict[str, Any]:
    """Express journeys offered at once: rate, deliveries and CPU of one."""
    load = await platform.saturate(journeys, bulk=True)
    return {
        "express_per_s": load.per_s,
        "deliveries_per_journey": load.deliveries / journeys,
        "deliveries_per_s": load.delivered_per_s,
        "projection_behind_bulk_s": load.behind_s,
        "cpu_ms_per_journey": sum(load.cpu_ms.values()),
        "cpu_ms_by_process": load.cpu_ms,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journeys", type=int, default=3000)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    asked = parser.parse_args()
    home = Settings.from_env().home
    figures = Figures(home / "bench.json", **machine())
    with installation("bench", fresh=True) as (platform, ready_s):
        figures.note({"up_to_ready_s": ready_s})
        asyncio.run(measure(platform, asked.journeys, figures, asked.only.__contains__))
    figures.note(ratios(figures))
    growth = home / "bench-growth.json"
    filled = json.loads(growth.read_text()) if growth.exists() else {}
    print_goals({**filled, **figures})


if __name__ == "__main__":
    main()
