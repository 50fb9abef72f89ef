"""Every page for everybody: in both languages and both themes axe finds no fault by WCAG 2.2 AA,
nothing is fetched from elsewhere, nothing is logged as an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Request

from tests.e2e.cast import ON_DELIVERY, Cast, a_company, wanted
from tests.e2e.house import House
from tests.pages.conftest import ON_CALL
from tests.pages.desk import Desk, faults_of, photograph

pytestmark = pytest.mark.e2e

PAGES = {
    "stuck": "/app/",
    "journeys": "/app/journeys",
    "failures": "/app/failures",
    "edits": "/app/edits",
    "topics": "/app/topics",
    "services": "/app/services",
    "catalogue": "/app/catalogue",
    "webhooks": "/app/webhooks",
    "subscribers": "/app/subscribers",
}
Scheme = Literal["light", "dark"]
LOOKS: list[tuple[str, Scheme]] = [("en-GB", "light"), ("zh-CN", "dark")]


@pytest.fixture(scope="module", params=LOOKS, ids=lambda look: f"{look[0]}-{look[1]}")
def screen(
    request: pytest.FixtureRequest, house: House, browser: Browser
) -> Iterator[tuple[Desk, list[str]]]:
    """A window with one language and one theme, and what went wrong in it."""
    locale, scheme = request.param
    with browser.new_context(
        locale=locale, color_scheme=scheme, viewport={"width": 1440, "height": 900}
    ) as context:
        page = context.new_page()
        wrong: list[str] = []

        def log(message: ConsoleMessage) -> None:
            if message.type == "error":
                wrong.append(message.text)

        def sent(asked: Request) -> None:
            if (
                urlsplit(asked.url).hostname not in ("127.0.0.1", "")
                and "data:" not in asked.url[:5]
            ):
                wrong.append(f"asked {asked.url}")

        desk = Desk(house, page, ON_CALL)
        desk.signs_in()
        page.on("console", log)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", sent)
        yield desk, wrong


@pytest.fixture(scope="module")
def journey(cast: Cast) -> str:
    """One that waits for its customer."""
    deal = cast.rep.opens_deal(a_company(), [wanted("SVC-ONBOARD", 1)], ON_DELIVERY)
    cast.rep.asks_for_proposal(deal)
    return str(cast.rep.finds("quote", deal["journey_id"], "sent")["number"])


@pytest.mark.parametrize("name", [*PAGES, "journey"])
def test_a_page_is_for_everybody(
    screen: tuple[Desk, list[str]], journey: str, name: str, request: pytest.FixtureRequest
) -> None:
    desk, wrong = screen
    wrong.clear()
    desk.opens(PAGES.get(name, f"/app/j/{journey}"))
    desk.page.get_by_role("heading", level=1).wait_for()
    desk.page.wait_for_load_state("load")
    desk.page.wait_for_timeout(800)  # what is fetched after that
    photograph(desk, request.node.name)

    assert faults_of(desk.page) == []
    assert wrong == []
