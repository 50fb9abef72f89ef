"""Callers without a token, with a forged or expired one, or with the wrong role are refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator

import pytest

from testkit.actors.actor import LISTS
from testkit.api_client import ApiClient, refused
from testkit.installation.supervised import SupervisedInstallation
from testkit.polling import eventually

pytestmark = pytest.mark.e2e

DOORS = {**LISTS, "console": "/overview"}
LEEWAY_S = 5
Visit = Callable[[str | None], ApiClient]


def part(content: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def read(token: str, n: int) -> dict[str, object]:
    text = token.split(".")[n]
    found: dict[str, object] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


@pytest.fixture(scope="module")
def token(house: SupervisedInstallation) -> str:
    """A good token of somebody who may do nothing but send web orders."""
    return house.token("shop", "Shop", ["integration_web"])


@pytest.fixture(scope="module")
def short(house: SupervisedInstallation) -> str:
    """An administrator's token that was good for a second."""
    return house.token("boss", "Boss", ["admin"], ttl_s=1)


@pytest.fixture
def visit(house: SupervisedInstallation) -> Iterator[Visit]:
    opened: list[ApiClient] = []

    def make(token: str | None) -> ApiClient:
        opened.append(ApiClient(house, token))
        return opened[-1]

    yield make
    for doors in opened:
        doors.close()


@pytest.mark.parametrize("stage", DOORS)
def test_access_without_a_token_is_refused(visit: Visit, stage: str) -> None:
    assert refused(visit(None).send("GET", stage, DOORS[stage]), 401) == []


@pytest.mark.parametrize("stage", DOORS)
def test_access_with_added_roles_is_refused(visit: Visit, token: str, stage: str) -> None:
    head, _, seal = token.split(".")
    promoted = part(read(token, 1) | {"roles": ["admin"]})
    forged = visit(f"{head}.{promoted}.{seal}").send("GET", stage, DOORS[stage])
    unsigned = part(read(token, 0) | {"alg": "none"})
    naked = visit(f"{unsigned}.{promoted}.").send("GET", stage, DOORS[stage])
    assert refused(forged, 401) == refused(naked, 401) == []


@pytest.mark.parametrize("stage", DOORS)
def test_access_with_the_wrong_role_is_refused(visit: Visit, token: str, stage: str) -> None:
    assert refused(visit(token).send("GET", stage, DOORS[stage]), 403) == []


@pytest.mark.parametrize("stage", DOORS)
def test_access_with_an_expired_token_is_refused(visit: Visit, short: str, stage: str) -> None:
    doors = visit(short)
    answer = eventually(
        lambda: doors.send("GET", stage, DOORS[stage]),
        lambda found: found.status_code == 401,
        what="a token that was good for a second is good no more",
    )
    assert refused(answer, 401) == []
