"""Each class of fault under load, on its own: healed, at rest, and every invariant holds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.guarantees.faults import FAULTS
from tests.guarantees.trial import Injection, hold_trial
from tests.guarantees.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    installation = World.at("faults")
    try:
        installation.up()
        yield installation
    finally:
        installation.down()


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_no_invariant_breaks_under(world: World, name: str) -> None:
    seed = sorted(FAULTS).index(name)
    trial = hold_trial(
        world,
        [Injection(name, at_s=1.0, for_s=3.0, seed=f"{seed}")],
        seed=seed,
        history=world.settings.home / "history.ndjson",
        requests=40,
        per_s=10,
    )

    assert trial.violations == [], trial
    assert trial.requests_wrong == [], trial
    assert trial.journeys > 0
