"""Pytest plug-in: ``--behaviour`` leaves the guarantee groups of ``tests/proofs.toml`` out.

``make test`` uses it. The tests that are left out are deselected and counted by group at the end,
never skipped. Without the option every test that the command line names runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest

from testkit.proofs.groups import Group, read_table

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
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        require_no_empty_part(groups, counts)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


def require_no_empty_part(groups: Mapping[str, Group], counts: Mapping[str, int]) -> None:
    """Raise UsageError for a group that is cut into more parts than pytest-split can fill. It cuts
    tests of unknown duration into equal pieces, and a part without tests proves nothing."""
    for name, group in groups.items():
        piece = -(-counts.get(name, 0) // group.parts)
        if piece * (group.parts - 1) >= counts.get(name, 0):
            raise pytest.UsageError(
                f"tests/proofs.toml: {name} has {counts.get(name, 0)} tests, too few for"
                f" {group.parts} parts"
            )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counts = terminalreporter.config.stash.get(LEFT_OUT, None)
    if counts:
        terminalreporter.section("guarantee groups: `make prove GROUP=…`, `make test-all`")
        for name, count in counts.items():
            terminalreporter.write_line(f"{count:4} {name}")
