"""``make bench``: figures of this machine, in one run, as ratios to the kernel; .ltc/bench.json."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.console import found_soon, keeps_up, projected
from bench.kernel import journeys_per_second, latencies_ms
from bench.outside import heard_outside
from bench.platform import Platform, percentiles
from local_infra.postgres import Postgres
from ltc.installation import Installation, running
from ltc.settings import Settings

GOALS = {"ratio_to_kernel_best": 0.10, "ratio_to_kernel_batch1": 3.0}
WARM_UP = 500
"""Journeys before anything is measured: Kafka's virtual machine compiles what it runs often."""


def kernels(settings: Settings) -> dict[str, float]:
    dsn = Postgres(settings.home, settings.pg_port).admin_dsn
    bootstrap = f"127.0.0.1:{settings.kafka_port}"

    def run(label: str, **how: Any) -> float:
        value = journeys_per_second(dsn, bootstrap, **how)
        print(f"kernel {label:<24} {value:8.0f} journeys/s", flush=True)
        return value

    one = run("batch 1", batch=1, unnest=False, journeys=400)
    many = run("batch 500, executemany", batch=500, unnest=False, journeys=6000)
    best = run("batch 500, unnest", batch=500, unnest=True, journeys=12000)
    p50, p99 = percentiles(latencies_ms(dsn, bootstrap, journeys=150, per_s=10))
    print(f"kernel at 10/s {p50:19.0f} ms (p99 {p99:.0f})", flush=True)
    return {
        "kernel_latency_p50_ms": p50,
        "kernel_latency_p99_ms": p99,
        "kernel_batch1_per_s": one,
        "kernel_executemany_per_s": many,
        "kernel_best_per_s": max(many, best),
    }


class Figures(dict[str, Any]):
    """What was measured, printed as it is: a part that fails takes nothing with it."""

    def note(self, figures: Mapping[str, Any]) -> None:
        for name, value in figures.items():
            self[name] = value
            print(f"{name:<28} {value if isinstance(value, dict) else f'{value:.3f}'}", flush=True)


async def measure(settings: Settings, journeys: int, figures: Figures) -> None:
    began = time.monotonic()
    async with running(Installation(settings)):
        figures.note({"up_to_ready_s": time.monotonic() - began})
        platform = Platform(settings)
        figures.note({"memory_at_rest_mib": platform.memory()})
        await platform.saturate(WARM_UP, bulk=True)
        p50, p99 = await platform.latency(150, per_s=10)
        figures.note({"latency_p50_ms": p50, "latency_p99_ms": p99})
        p50, p99 = await platform.dwell()
        figures.note({"outbox_dwell_p50_ms": p50, "outbox_dwell_p99_ms": p99})
        bulk = await platform.saturate(journeys, bulk=True)
        figures.note(await projected(platform))
        figures.note({"express_per_s": bulk.per_s})
        figures.note({"cpu_ms_per_journey": sum(bulk.cpu_ms.values())})
        figures.note({"cpu_ms_by_process": bulk.cpu_ms})
        singly = await platform.saturate(journeys // 2, bulk=False)
        figures.note({"express_http_per_s": singly.per_s})
        figures.note(await keeps_up(platform, 150, per_s=10))
        figures.note(await heard_outside(platform, 150, bulk=journeys // 2))
        figures.note(await found_soon(platform))
        figures.note({"memory_under_load_mib": platform.memory()})
        figures.note(await asyncio.to_thread(kernels, settings))
    best, batch1 = figures["kernel_best_per_s"], figures["kernel_batch1_per_s"]
    figures.note({"ratio_to_kernel_best": figures["express_per_s"] / best})
    figures.note({"ratio_to_kernel_batch1": figures["express_per_s"] / batch1})
    for part in ("p50", "p99"):
        alone = figures[f"kernel_latency_{part}_ms"]
        figures.note({f"latency_{part}_to_kernel": figures[f"latency_{part}_ms"] / alone})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journeys", type=int, default=3000)
    settings = Settings.from_env()
    os.environ.setdefault("LTC_EGRESS_NETWORKS", "127.0.0.0/8")  # where the bench receives webhooks
    figures = Figures()
    try:
        asyncio.run(measure(settings, parser.parse_args().journeys, figures))
    finally:
        Path(settings.home / "bench.json").write_text(json.dumps(figures, indent=2) + "\n")
    for name, goal in GOALS.items():
        met = "met" if figures[name] >= goal else "missed"
        print(f"goal {name} ≥ {goal}: {met} ({figures[name]:.3f})")


if __name__ == "__main__":
    main()
