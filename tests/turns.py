"""Long tests take turns: with ``--turn N`` each commit runs a share of them, six commits run all.

A pytest plugin. ``turns`` marks tests whose cases each cost tens of seconds on two cores; every
case is one unit, or what ``turns`` is given makes one of several cases: the name of a parameter
(those of one value, because they judge one run together) or ``file`` (each goes on with what the
one before left). Units are dealt out in the order of collection, so that a table of cases is
spread over all turns. What waits for another turn is deselected and counted at the end. Without
``--turn`` everything runs: that is ``make test-all``, and whoever names a file.
"""

from __future__ import annotations

from collections import Counter

import pytest

TURNS = 6
WAITING = pytest.StashKey[Counter[str]]()
"""By test how many of its cases wait for another turn."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--turn", type=int, metavar="N", help=f"of the long tests run share N modulo {TURNS} alone"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "turns(together): long; a share runs with --turn")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    turn = config.getoption("--turn")
    if turn is None:
        return
    units = [_unit(item) for item in items]
    dealt = {unit: n % TURNS for n, unit in enumerate(dict.fromkeys(u for u in units if u))}
    mine, others = [], []
    for item, unit in zip(items, units, strict=True):
        runs = unit is None or dealt[unit] == turn % TURNS
        (mine if runs else others).append(item)
    config.stash[WAITING] = Counter(item.nodeid.partition("[")[0] for item in others)
    config.hook.pytest_deselected(items=others)
    items[:] = mine


def _unit(item: pytest.Item) -> str | None:
    """What a test is dealt out with; None of those that take no turns."""
    mark = item.get_closest_marker("turns")
    if mark is None:
        return None
    file, _, test = item.nodeid.partition("::")
    if not mark.args:
        return item.nodeid
    if mark.args == ("file",):
        return file
    assert isinstance(item, pytest.Function)
    [parameter] = mark.args
    return f"{file}::{test.partition('[')[0]}[{item.callspec.params[parameter]}]"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    config = terminalreporter.config
    if waiting := config.stash.get(WAITING, None):
        turn = config.getoption("--turn") % TURNS
        terminalreporter.section(f"turn {turn} of {TURNS}; what waits for another")
        for test, cases in waiting.items():
            terminalreporter.write_line(f"{cases:3} {test}")
        terminalreporter.write_line("`make test-all` runs them all, `pytest FILE` those of a file.")
