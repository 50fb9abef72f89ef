"""Pytest plug-in: ``--behaviour`` leaves the guarantee groups of ``tests/proofs.toml`` out.

``make test`` uses it. The tests that are left out are deselected and counted by group at the end,
never skipped. Without the option every test that the command line names runs.
"""

from __future__ import annotations

from collections import Counter

import pytest

from testkit.proofs.groups import read_table

LEFT_OUT = pytest.StashKey[Counter[str]]()
"""By group, how many of its tests were deselected."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--behaviour", action="store_true", help="leave out the groups of tests/proofs.toml"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--behaviour"):
        return
    groups = read_table()
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    counts: Counter[str] = Counter()
    for item in items:
        owner = next((name for name, group in groups.items() if group.owns(item.nodeid)), None)
        if owner is None:
            kept.append(item)
        else:
            counts[owner] += 1
            left_out.append(item)
    config.stash[LEFT_OUT] = counts
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counts = terminalreporter.config.stash.get(LEFT_OUT, None)
    if counts:
        terminalreporter.section("guarantee groups: `make prove GROUP=…`, `make test-all`")
        for name, count in counts.items():
            terminalreporter.write_line(f"{count:4} {name}")
