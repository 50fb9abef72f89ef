"""One installation for all tests of guarantees that follow each other on the same data."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from testkit.installation.controlled import ControlledInstallation

Caught = dict[str, tuple[str, str]]
CAUGHT: Caught = {}
INJECTED: list[str] = []
"""What was done to an installation while subscribers listened; printed when all is through."""


@pytest.fixture
def injected() -> list[str]:
    return INJECTED


@pytest.fixture
def caught() -> Caught:
    """By planted bug, what objected and its first words; printed when all tests are through."""
    return CAUGHT


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if CAUGHT:
        terminalreporter.section("planted bugs")
        for name, (who, words) in CAUGHT.items():
            terminalreporter.write_line(f"{name:20} {who:24} {words[:160]}")
    if INJECTED:
        terminalreporter.section("while subscribers listened")
        for line in INJECTED:
            terminalreporter.write_line(line)


@pytest.fixture(scope="module")
def rig(request: pytest.FixtureRequest) -> Iterator[ControlledInstallation]:
    """Everything running; stopped afterwards. Its folder stays, for its logs and histories."""
    installation = ControlledInstallation.at(request.module.__name__.rpartition(".")[2])
    try:
        installation.up()
        yield installation
    finally:
        installation.down()
