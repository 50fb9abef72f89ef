"""Pytest plug-in: prints where the time of a run went, by test file.

The figure for CPU is the busy time of the whole machine while the file ran, so it includes the
servers and services that the tests started, and whatever else the machine did.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

BUSY = ("user", "nice", "system", "irq", "softirq", "steal")
FIELDS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
SHOWN = 25


class Cost:
    """Seconds of one test file: on the clock, and of all CPUs of the machine."""

    def __init__(self) -> None:
        self.wall_s = 0.0
        self.cpu_s = 0.0
        self.tests = 0


COSTS = pytest.StashKey[dict[str, Cost]]()


def cpu_seconds(stat: Path = Path("/proc/stat")) -> float:
    """Seconds that the machine's CPUs were busy since it started; 0 where the kernel has no such
    file."""
    if not stat.exists():
        return 0.0
    values = stat.read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    ticks = dict(zip(FIELDS, map(int, values), strict=False))
    return sum(ticks[field] for field in BUSY) / os.sysconf("SC_CLK_TCK")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cost", action="store_true", help="print the dearest test files at the end")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> object:
    wall, cpu = time.monotonic(), cpu_seconds()
    result = yield
    costs = item.config.stash.setdefault(COSTS, {})
    cost = costs.setdefault(item.nodeid.split("::")[0], Cost())
    cost.wall_s += time.monotonic() - wall
    cost.cpu_s += cpu_seconds() - cpu
    cost.tests += 1
    return result


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not terminalreporter.config.getoption("--cost"):
        return
    costs = terminalreporter.config.stash.get(COSTS, {})
    terminalreporter.section("dearest test files: seconds, CPU seconds, tests")
    ranked = sorted(costs.items(), key=lambda entry: -entry[1].wall_s)
    for name, cost in ranked[:SHOWN]:
        terminalreporter.write_line(f"{cost.wall_s:7.1f} {cost.cpu_s:7.1f} {cost.tests:5}  {name}")
    folders: dict[str, Cost] = {}
    for name, cost in ranked:
        folder = folders.setdefault(name.rsplit("/", 1)[0], Cost())
        folder.wall_s += cost.wall_s
        folder.cpu_s += cost.cpu_s
        folder.tests += cost.tests
    terminalreporter.section("by folder: seconds, CPU seconds, tests")
    for name, cost in sorted(folders.items(), key=lambda entry: -entry[1].wall_s):
        terminalreporter.write_line(f"{cost.wall_s:7.1f} {cost.cpu_s:7.1f} {cost.tests:5}  {name}")
