"""One installation, and a browser in front of its console."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import pytest
from playwright.sync_api import Browser

from testkit.actors.all_actors import Actors
from testkit.browser import BrowserWindow, launched_browser
from testkit.installation.supervised import SupervisedInstallation
from testkit.shared_installation import SharedInstallation

ON_CALL, SECOND_ON_CALL, ADMINISTRATOR = "ops-1", "ops-2", "admin-1"
LOOKS = [("en-GB", "light"), ("zh-CN", "dark")]


@pytest.fixture(scope="package")
def house(shared_installation: SharedInstallation) -> Iterator[SupervisedInstallation]:
    """What other stories left there is on the pages too."""
    yield shared_installation.get()
    shared_installation.require_ready()


@pytest.fixture(scope="package")
def cast(house: SupervisedInstallation) -> Iterator[Actors]:
    cast = Actors(house)
    yield cast
    cast.close()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with launched_browser() as browser:
        yield browser


@pytest.fixture
def desk(house: SupervisedInstallation, browser: Browser) -> Iterator[BrowserWindow]:
    """On call, signed in, in a window of their own."""
    with open_window(house, browser, ON_CALL) as desk:
        yield desk


@pytest.fixture(scope="module", params=LOOKS, ids=lambda look: f"{look[0]}-{look[1]}")
def screen(
    request: pytest.FixtureRequest, house: SupervisedInstallation, browser: Browser
) -> Iterator[BrowserWindow]:
    """An administrator's window, in one language and one theme."""
    with open_window(house, browser, ADMINISTRATOR, *request.param) as desk:
        yield desk


@pytest.fixture
def second(house: SupervisedInstallation, browser: Browser) -> Iterator[BrowserWindow]:
    """Somebody else on call, at a screen of their own."""
    with open_window(house, browser, SECOND_ON_CALL) as desk:
        yield desk


@contextmanager
def open_window(
    house: SupervisedInstallation,
    browser: Browser,
    sub: str,
    locale: str = "en-GB",
    scheme: Literal["light", "dark"] = "light",
) -> Iterator[BrowserWindow]:
    """Somebody of the demo's people, signed in."""
    with browser.new_context(
        locale=locale, color_scheme=scheme, viewport={"width": 1440, "height": 900}
    ) as context:
        desk = BrowserWindow(house, context.new_page(), sub, locale)
        desk.signs_in()
        yield desk
