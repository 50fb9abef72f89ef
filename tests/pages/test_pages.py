"""Every page for everybody: in both languages and both themes axe finds no fault by WCAG 2.2 AA,
nothing is fetched from elsewhere, nothing is logged as an error."""

from __future__ import annotations

import pytest

from tests.e2e.cast import ON_DELIVERY, Cast, a_company, wanted
from tests.pages.desk import Desk

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
def journey(cast: Cast) -> str:
    """One that waits for its customer."""
    deal = cast.rep.opens_deal(a_company(), [wanted("SVC-ONBOARD", 1)], ON_DELIVERY)
    cast.rep.asks_for_proposal(deal)
    return str(cast.rep.finds("quote", deal["journey_id"], "sent")["number"])


@pytest.mark.parametrize("name", [*PAGES, "journey"])
def test_a_page_is_for_everybody(
    screen: Desk, journey: str, name: str, request: pytest.FixtureRequest
) -> None:
    desk = screen
    desk.wrong.clear()
    desk.opens(PAGES.get(name, f"/app/j/{journey}"))
    desk.page.get_by_role("heading", level=1).wait_for()
    desk.page.wait_for_load_state("load")
    desk.page.wait_for_timeout(800)  # what is fetched after that
    desk.photographed(request.node.name)
    assert desk.faults() == []
    assert desk.wrong == []
