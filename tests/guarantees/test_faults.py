"""Each class of fault under load: the platform recovers, and every invariant holds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from testkit.installation.faulty import FaultyInstallation
from tests.guarantees.faults import FAULTS
from tests.guarantees.trial import Injection, hold_trial

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(900, func_only=True),
    # A client of this process that a fault cut off may leave a socket behind.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def world() -> Iterator[FaultyInstallation]:
    installation = FaultyInstallation.at("faults")
    try:
        installation.up()
        yield installation
    finally:
        installation.down()


GROUPS = (
    ("service killed", "broker killed", "database killed"),
    ("broker paused", "database paused", "slow network"),
    ("disk full: data", "disk full: log", "disk full: broker"),
    ("records repeated", "poison", "rebalance storm"),
    ("topics shuffled", "later version"),
    ("clock off", "slow consumer"),
    ("cut from broker", "silence to broker", "one way to broker", "half open to broker"),
    ("cut from database", "silence to database", "one way to database", "half open to database"),
    ("flapping network", "bank hangs", "older copy"),
    ("offsets lost", "retention"),
)
"""One after the other under one load; judged together. `-k` runs a group, `make campaign` mixes."""
LASTS_S = 2.5


def test_faults_are_all_in_a_group() -> None:
    assert sorted(name for group in GROUPS for name in group) == sorted(FAULTS)


@pytest.mark.parametrize("group", GROUPS, ids=", ".join)
def test_faults_of_a_group_break_no_invariant(
    world: FaultyInstallation, group: tuple[str, ...]
) -> None:
    number = GROUPS.index(group)
    strand = [Injection(name, 0.5, LASTS_S, f"{number}/{n}") for n, name in enumerate(group)]
    history = world.settings.home / "history.ndjson"
    trial = hold_trial(world, [strand], seed=number, history=history)

    assert trial.violations == [], trial
    assert trial.requests_wrong == [], trial
    assert [each["fault"] for each in trial.injections] == list(group)
    assert trial.journeys > 0
