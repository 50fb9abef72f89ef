"""One installation for all stories: six services, console, Kafka, PostgreSQL and a supervisor.

It is always the product's own, started by ``ltc up``: that its supervisor revives what a story
kills is part of what the stories tell. Its PostgreSQL and Kafka are in containers when the run asks
for that (`testkit.servers`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from testkit.actors.all_actors import Cast
from testkit.installation.supervised import House, a_house
from testkit.polling import eventually
from testkit.servers import servers_in_containers


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The installation that the stories share; they tell their own things by their journeys."""
    with a_house(tmp_path_factory.mktemp("house"), **servers_in_containers()) as house:
        yield house


@pytest.fixture(scope="package")
def cast(house: House) -> Iterator[Cast]:
    cast = Cast(house)
    yield cast
    cast.close()


@pytest.fixture(scope="module")
def told_with(request: pytest.FixtureRequest) -> Iterator[list[House]]:
    """After the stories of a file the checker asks every rule of databases, topics and offsets."""
    houses: list[House] = []
    yield houses
    for house in dict.fromkeys(houses):
        checked = house.run("verify", "--wait", "60", "--json")
        assert checked.returncode == 0, checked.stdout[-4000:] + checked.stderr[-2000:]


@pytest.fixture(autouse=True)
def nothing_parked(request: pytest.FixtureRequest, told_with: list[House]) -> Iterator[None]:
    """After each story no service has given up on any message."""
    yield
    if "cast" in request.fixturenames:
        oncall = request.getfixturevalue("cast").oncall
        eventually(oncall.troubles, lambda found: found == [], what="nothing parked for good")
        told_with.append(request.getfixturevalue("house"))
