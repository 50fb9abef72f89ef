"""The arithmetic of the bench: what it computes from what it measures. No installation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bench import growth
from bench.compare import better_when, changes, flat, main, table
from bench.figures import Figures, p95, percentiles
from bench.goals import GOALS, verdicts
from bench.processes import cpu_seconds, groups, owners, pss_mib, used_between
from bench.ratios import ratios

from local_infra.processes import Child

BUSY = "import sys, time; print('up', flush=True)\nwhile sum(range(1000)): pass"
FORKS = (
    "import os, time\n"
    "pid = os.fork()\n"
    "if pid == 0:\n    time.sleep(60)\n"
    "print(pid, flush=True)\ntime.sleep(60)"
)


def test_percentiles_are_the_median_and_the_99th() -> None:
    p50, p99 = percentiles([float(n) for n in range(1, 1001)])
    assert p50 == pytest.approx(500.5)
    assert p99 == pytest.approx(990.99)
    with pytest.raises(ValueError, match="1 values"):
        percentiles([1.0])


def test_p95_is_a_measured_value_that_95_of_100_do_not_exceed() -> None:
    assert p95([float(n) for n in range(100)]) == 95.0
    assert p95([3.0, 1.0, 2.0]) == 3.0


def test_ratios_have_the_kernel_of_the_same_run_below() -> None:
    figures = {
        "deliveries_per_s": 9_900.0,
        "kernel_hops_per_s": 19_800.0,
        "express_per_s": 120.0,
        "kernel_best_per_s": 3_300.0,
        "kernel_batch1_per_s": 60.0,
        "latency_p50_ms": 64.0,
        "kernel_latency_p50_ms": 16.0,
    }
    assert ratios(figures) == pytest.approx(
        {
            "efficiency": 0.5,
            "ratio_to_kernel_best": 120 / 3_300,
            "ratio_to_kernel_batch1": 2.0,
            "latency_p50_to_kernel": 4.0,
        }
    )


def test_goals_tell_met_missed_and_not_measured() -> None:
    told = {row[0]: row[3] for row in verdicts({"efficiency": 0.7, "idle_cpu_ms_per_s": 120.5})}
    by_figure = {goal.figure: told[goal.what] for goal in GOALS}
    assert by_figure["efficiency"] == "met"
    assert by_figure["idle_cpu_ms_per_s"] == "missed"
    assert by_figure["latency_p50_to_kernel"] == "not measured"
    assert by_figure[None] == "not measured"


@pytest.mark.parametrize(
    ("figure", "better"),
    [
        ("express_per_s", "more"),
        ("webhook_deliveries_per_s", "more"),
        ("efficiency", "more"),
        ("ratio_to_kernel_batch1", "more"),
        ("latency_p99_to_kernel", "less"),
        ("latency_p50_ms", "less"),
        ("idle_cpu_ms_per_s", "less"),
        ("idle_cpu_by_process.hub", "less"),
        ("idle_pss_mib", "less"),
        ("up_to_ready_s", "less"),
        ("cpu_ms_per_journey", "less"),
        ("cpu_ms_by_process.postgres", "less"),
        ("growth_cost_ratio", "less"),
        ("kernel_best_per_s", "neither"),
        ("kernel_latency_p50_ms", "neither"),
        ("cores", "neither"),
    ],
)
def test_compare_knows_which_way_a_figure_is_better(figure: str, better: str) -> None:
    assert better_when(figure) == better


def test_compare_marks_what_is_worse_by_more_than_five_per_cent() -> None:
    before = {"express_per_s": 100.0, "up_to_ready_s": 10.0, "gone_ms": 1.0, "commit": "a"}
    after = {"express_per_s": 94.0, "up_to_ready_s": 10.4, "cpu_ms_by_process": {"hub": 2.0}}
    found = {change.name: change.verdict for change in changes(before, after)}
    assert found == {
        "express_per_s": "worse",
        "up_to_ready_s": "same",
        "cpu_ms_by_process.hub": "only after",
        "gone_ms": "only before",
    }
    assert "| express_per_s | 100.00 | 94.00 | -6.0 | worse |" in table(changes(before, after))
    assert dict(flat({"a": {"b": {"c": 1}}, "yes": True})) == {"a.b.c": 1.0}


def test_compare_exits_with_1_when_a_figure_is_worse(tmp_path: Path) -> None:
    for name, value in (("old", 100.0), ("worse", 90.0), ("better", 130.0)):
        (tmp_path / name).write_text(json.dumps({"express_per_s": value}))
    assert main([str(tmp_path / "old"), str(tmp_path / "better")]) == 0
    assert main([str(tmp_path / "old"), str(tmp_path / "worse")]) == 1
    assert main([str(tmp_path / "old")]) == 2


def test_figures_keep_what_was_measured_before_a_part_failed(tmp_path: Path) -> None:
    file = tmp_path / "new" / "bench.json"
    figures = Figures(file, cores=2)
    figures.note({"express_per_s": 100.0})
    figures.note({"cpu_ms_by_process": {"hub": 1.5}})
    assert json.loads(file.read_text()) == {
        "cores": 2,
        "express_per_s": 100.0,
        "cpu_ms_by_process": {"hub": 1.5},
    }


def test_processes_belong_to_the_nearest_ancestor_that_is_noted() -> None:
    parents = {1: 0, 10: 1, 20: 10, 21: 20, 22: 21, 30: 10, 31: 30, 40: 1}
    roots = {10: "supervisor", 20: "fork-server", 22: "lead", 30: "postgres"}
    assert owners(roots, parents) == {
        "supervisor": [10],
        "fork-server": [20, 21],
        "lead": [22],
        "postgres": [30, 31],
    }


def test_processes_are_found_by_pid_file_with_their_children(tmp_path: Path) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for code in (FORKS, BUSY)
    ]
    try:
        forked, _ = (str(p.stdout.readline()) for p in started if p.stdout)
        for name, process in zip(("forks", "busy"), started, strict=True):
            Child(name, tmp_path, tmp_path).note(process.pid)
        stale = {"pid": os.getpid(), "started": 1.0}
        (tmp_path / "stale.pid").write_text(json.dumps(stale))
        found = {name: [p.pid for p in group] for name, group in groups(tmp_path).items()}
        assert found == {"forks": [started[0].pid, int(forked)], "busy": [started[1].pid]}
        before = cpu_seconds(tmp_path)
        while used_between(before, cpu_seconds(tmp_path))["busy"] == 0:
            time.sleep(0.05)
        memory = pss_mib(tmp_path)
        assert set(memory) == {"forks", "busy"}
        assert all(mib > 1 for mib in memory.values())
    finally:
        os.kill(int(forked), 9)
        for process in started:
            process.kill()
            process.communicate()


def test_processes_used_between_counts_a_restarted_process_from_its_start() -> None:
    assert used_between({"a": 5.0, "b": 9.0}, {"a": 7.0, "b": 1.0, "c": 2.0}) == {
        "a": 2.0,
        "b": 1.0,
        "c": 2.0,
    }


def test_growth_stops_at_1_2_and_5_of_each_power_of_ten() -> None:
    assert growth.marks(2_000) == [500, 1_000, 2_000]
    assert growth.marks(30_000) == [500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000]
    assert growth.marks(100_000)[-3:] == [20_000, 50_000, 100_000]


def test_growth_ratio_is_the_last_mark_to_1_000() -> None:
    found = [{"journeys": n, "cpu_ms_per_journey": ms} for n, ms in ((500, 30.0), (1_000, 16.0))]
    assert growth.ratio(found) == {}
    later = [*found, {"journeys": 50_000, "cpu_ms_per_journey": 20.0}]
    assert growth.ratio(later) == {"growth_cost_ratio": 1.25, "growth_journeys": 50_000}
