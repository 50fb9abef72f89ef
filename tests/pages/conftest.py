"""One installation, and a browser in front of its console."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import pytest
from playwright.sync_api import Browser

from testkit.actors.all_actors import Cast
from testkit.browser import Desk, a_browser
from testkit.installation.supervised import House, a_house
from testkit.servers import servers_in_containers

ON_CALL, SECOND_ON_CALL, ADMINISTRATOR = "ops-1", "ops-2", "admin-1"
LOOKS = [("en-GB", "light"), ("zh-CN", "dark")]


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with a_house(tmp_path_factory.mktemp("house"), **servers_in_containers()) as house:
        yield house


@pytest.fixture(scope="package")
def cast(house: House) -> Iterator[Cast]:
    cast = Cast(house)
    yield cast
    cast.close()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with a_browser() as browser:
        yield browser


@pytest.fixture
def desk(house: House, browser: Browser) -> Iterator[Desk]:
    """On call, signed in, in a window of their own."""
    with a_desk(house, browser, ON_CALL) as desk:
        yield desk


@pytest.fixture(scope="module", params=LOOKS, ids=lambda look: f"{look[0]}-{look[1]}")
def screen(request: pytest.FixtureRequest, house: House, browser: Browser) -> Iterator[Desk]:
    """An administrator's window, in one language and one theme."""
    with a_desk(house, browser, ADMINISTRATOR, *request.param) as desk:
        yield desk


@pytest.fixture
def second(house: House, browser: Browser) -> Iterator[Desk]:
    """Somebody else on call, at a screen of their own."""
    with a_desk(house, browser, SECOND_ON_CALL) as desk:
        yield desk


@contextmanager
def a_desk(
    house: House,
    browser: Browser,
    sub: str,
    locale: str = "en-GB",
    scheme: Literal["light", "dark"] = "light",
) -> Iterator[Desk]:
    """Somebody of the demo's people, signed in."""
    with browser.new_context(
        locale=locale, color_scheme=scheme, viewport={"width": 1440, "height": 900}
    ) as context:
        desk = Desk(house, context.new_page(), sub, locale)
        desk.signs_in()
        yield desk
