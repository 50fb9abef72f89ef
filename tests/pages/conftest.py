"""One installation, and a browser in front of its console."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from local_infra.testing import servers_in_containers
from tests.e2e.cast import Cast
from tests.e2e.house import House, a_house
from tests.pages.desk import Desk, a_browser

ON_CALL = "ops-1"


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
    with browser.new_context(locale="en-GB", viewport={"width": 1440, "height": 900}) as context:
        desk = Desk(house, context.new_page(), ON_CALL)
        desk.signs_in()
        yield desk
