"""Every page, in both languages and both themes: axe finds no fault by WCAG 2.2 AA.

Nothing is loaded from elsewhere, and nothing is logged as an error.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from testkit.actors.all_actors import ON_DELIVERY, Actors, a_company, wanted
from testkit.browser import BrowserWindow

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


@pytest.fixture(scope="module")
def journey(cast: Actors) -> str:
    """One that waits for its customer."""
    deal = cast.rep.opens_deal(a_company(), [wanted("SVC-ONBOARD", 1)], ON_DELIVERY)
    cast.rep.asks_for_proposal(deal)
    return str(cast.rep.finds("quote", deal["journey_id"], "sent")["number"])


@pytest.mark.parametrize("name", [*PAGES, "journey"])
def test_page_is_accessible_in_both_languages_and_themes(
    screen: BrowserWindow, journey: str, name: str, request: pytest.FixtureRequest
) -> None:
    desk = screen
    desk.wrong.clear()
    desk.opens(PAGES.get(name, f"/app/j/{journey}"))
    desk.page.get_by_role("heading", level=1).wait_for()
    desk.settles()
    desk.photographed(request.node.name)
    assert desk.faults() == []
    assert desk.wrong == []


PAINTED = """
(canvas) => {
  const all = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return all.filter((value, at) => at % 4 === 3 && value > 0).length;
}
"""


def test_page_chart_of_events_per_minute_has_a_text_alternative(
    screen: BrowserWindow, journey: str
) -> None:
    drawn = screen.opens(PAGES["topics"]).page.get_by_role("img", name=re.compile("Deal|商机"))
    expect(drawn).to_have_attribute(
        "aria-label", re.compile(r"(Deal|商机) [1-9].*(Quote|报价) [1-9]")
    )
    canvas = drawn.locator("canvas")
    expect(canvas).to_be_visible()
    assert canvas.evaluate(PAINTED) > 1_000
