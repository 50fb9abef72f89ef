"""The goals of the product in figures: one table, the rows that are not measured included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bench.figures import shown


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound of one figure. ``figure`` is ``None`` for what no command measures yet."""

    what: str
    figure: str | None
    bound: Literal["≥", "≤"]
    limit: float

    def met(self, value: float) -> bool:
        return value >= self.limit if self.bound == "≥" else value <= self.limit


GOALS = (
    Goal("event deliveries/s ÷ the kernel's message hops/s", "efficiency", "≥", 0.70),
    Goal("express journeys/s ÷ Tryton 8.2 on the same cores", None, "≥", 200),
    Goal("express journeys/s ÷ kernel with batch 1", "ratio_to_kernel_batch1", "≥", 3.0),
    Goal("lead → cash at 10/s ÷ the kernel's latency, p50", "latency_p50_to_kernel", "≤", 4.0),
    Goal("lead → cash at 10/s ÷ the kernel's latency, p99", "latency_p99_to_kernel", "≤", 4.0),
    Goal("CPU of the installation at rest, ms/s", "idle_cpu_ms_per_s", "≤", 120),
    Goal("memory of the installation at rest, MiB of PSS", "idle_pss_mib", "≤", 1000),
    Goal("`ltc up` to ready on existing data, s", "up_to_ready_s", "≤", 6.0),
    Goal("cost per journey at the last mark ÷ at 1,000", "growth_cost_ratio", "≤", 1.2),
    Goal("console's lists, search, record at 10⁵: largest p95, ms", "console_p95_ms", "≤", 300),
    Goal("import of 10,000 leads, dry run, s", "import_dry_run_s", "≤", 5.0),
    Goal("import of 10,000 leads, s", "import_s", "≤", 15.0),
)


def verdicts(figures: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Of each goal: what, the goal, the value, and whether it is met."""
    for goal in GOALS:
        bound = f"{goal.bound} {goal.limit:g}"
        value = figures.get(goal.figure) if goal.figure else None
        if value is None:
            yield goal.what, bound, "", "not measured"
        else:
            yield goal.what, bound, shown(value), "met" if goal.met(value) else "missed"


def print_goals(figures: Mapping[str, Any]) -> None:
    """The table of goals, as text."""
    rows = [("goal", "", "value", ""), *verdicts(figures)]
    widths = [max(len(row[n]) for row in rows) for n in range(4)]
    for what, bound, value, verdict in rows:
        print(
            f"{what:<{widths[0]}}  {bound:<{widths[1]}}  {value:>{widths[2]}}  {verdict}",
            flush=True,
        )
