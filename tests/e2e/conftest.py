"""The stories of a journey, in the installation that all stories share.

``ltc up`` starts it: that its supervisor revives what a story kills is part of the stories. Its
PostgreSQL and Kafka are in containers when the run asks for that (`testkit.servers`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from testkit.actors.all_actors import Actors
from testkit.installation.supervised import SupervisedInstallation
from testkit.polling import eventually
from testkit.shared_installation import SharedInstallation


@pytest.fixture(scope="package")
def house(shared_installation: SharedInstallation) -> Iterator[SupervisedInstallation]:
    """Stories tell their own things by their journeys."""
    yield shared_installation.get()
    shared_installation.require_ready()


@pytest.fixture(scope="package")
def cast(house: SupervisedInstallation) -> Iterator[Actors]:
    cast = Actors(house)
    yield cast
    cast.close()


@pytest.fixture(scope="module")
def told_with(request: pytest.FixtureRequest) -> Iterator[list[SupervisedInstallation]]:
    """After the stories of a file the checker asks every rule of databases, topics and offsets."""
    houses: list[SupervisedInstallation] = []
    yield houses
    for house in dict.fromkeys(houses):
        checked = house.run("verify", "--wait", "60", "--json")
        assert checked.returncode == 0, checked.stdout[-4000:] + checked.stderr[-2000:]


@pytest.fixture(autouse=True)
def nothing_parked(
    request: pytest.FixtureRequest, told_with: list[SupervisedInstallation]
) -> Iterator[None]:
    """After each story no service has given up on any message."""
    yield
    if "cast" in request.fixturenames:
        oncall = request.getfixturevalue("cast").oncall
        eventually(oncall.troubles, lambda found: found == [], what="nothing parked for good")
        told_with.append(request.getfixturevalue("house"))
