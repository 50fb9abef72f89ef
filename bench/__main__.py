"""``make bench``: figures of this machine, in one run, as ratios to the kernel; .ltc/bench.json."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

from bench.console import found_soon
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


async def measure(settings: Settings, journeys: int) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    began = time.monotonic()
    async with running(Installation(settings)):
        figures["up_to_ready_s"] = time.monotonic() - began
        platform = Platform(settings)
        figures["memory_at_rest_mib"] = platform.memory()
        await platform.saturate(WARM_UP, bulk=True)
        figures["latency_p50_ms"], figures["latency_p99_ms"] = await platform.latency(150, per_s=10)
        figures["outbox_dwell_p50_ms"], figures["outbox_dwell_p99_ms"] = await platform.dwell()
        bulk = await platform.saturate(journeys, bulk=True)
        figures["express_per_s"] = bulk.per_s
        figures["cpu_ms_per_journey"] = sum(bulk.cpu_ms.values())
        figures["cpu_ms_by_process"] = bulk.cpu_ms
        singly = await platform.saturate(journeys // 2, bulk=False)
        figures["express_http_per_s"] = singly.per_s
        figures |= await heard_outside(platform, 150, bulk=journeys // 2)
        figures |= await found_soon(platform)
        figures["memory_under_load_mib"] = platform.memory()
        figures |= await asyncio.to_thread(kernels, settings)
    figures["ratio_to_kernel_best"] = figures["express_per_s"] / figures["kernel_best_per_s"]
    figures["ratio_to_kernel_batch1"] = figures["express_per_s"] / figures["kernel_batch1_per_s"]
    for part in ("p50", "p99"):
        figures[f"latency_{part}_to_kernel"] = (
            figures[f"latency_{part}_ms"] / figures[f"kernel_latency_{part}_ms"]
        )
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journeys", type=int, default=3000)
    settings = Settings.from_env()
    os.environ.setdefault("LTC_EGRESS_NETWORKS", "127.0.0.0/8")  # where the bench receives webhooks
    figures = asyncio.run(measure(settings, parser.parse_args().journeys))
    for name, value in figures.items():
        shown = value if isinstance(value, dict) else f"{value:.3f}"
        print(f"{name:<28} {shown}")
    for name, goal in GOALS.items():
        met = "met" if figures[name] >= goal else "missed"
        print(f"goal {name} ≥ {goal}: {met} ({figures[name]:.3f})")
    Path(settings.home / "bench.json").write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
