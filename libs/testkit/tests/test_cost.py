"""The cost plug-in reads the busy time of the machine and prints it by test file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from testkit.cost import cpu_seconds

pytest_plugins = ("pytester",)


def test_cost_leaves_idle_time_and_waiting_for_disks_out(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 20 30 9999 8888 4 5 6 0 0\ncpu0 1 2 3\n")
    assert cpu_seconds(stat) == 165 / os.sysconf("SC_CLK_TCK")


def test_cost_is_zero_where_the_kernel_does_not_count(tmp_path: Path) -> None:
    assert cpu_seconds(tmp_path / "absent") == 0.0


def test_cost_is_printed_by_file_and_by_folder(pytester: pytest.Pytester) -> None:
    pytester.mkdir("a")
    Path("a/test_one.py").write_text("def test_x(): pass\ndef test_y(): pass\n")
    lines = pytester.runpytest_inprocess(
        "-p", "no:asyncio", "-p", "testkit.cost", "--cost"
    ).outlines
    assert [line.split()[2:] for line in lines if "a" in line.split()[-1:]] == [["2", "a"]]
    assert [line.split()[2:] for line in lines if line.endswith("a/test_one.py")] == [
        ["2", "a/test_one.py"]
    ]
