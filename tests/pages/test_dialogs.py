"""Every dialog and drawer, in both languages and both themes: axe finds no fault by WCAG 2.2 AA.

Focus moves into it and returns to where it was opened, and Escape closes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, expect

from testkit.actors.actor import Thing
from testkit.actors.all_actors import ON_DELIVERY, Actors, a_company, wanted
from testkit.api_client import ApiClient
from testkit.browser import BrowserWindow
from testkit.installation.supervised import SupervisedInstallation
from testkit.polling import eventually
from tests.pages.breaking import unable
from tests.pages.conftest import ADMINISTRATOR

pytestmark = pytest.mark.e2e

NOBODY_LISTENS = "http://127.0.0.1:9/hook"
SOMEBODY = "a-subscriber"


@dataclass(frozen=True)
class Scene:
    """Something of everything that dialogs are about."""

    waiting: str
    """The number of a journey that waits for its customer."""
    failing: str
    """And of one whose message cannot be taken in; an edit of it is proposed."""
    endpoint: str


@pytest.fixture(scope="module")
def scene(house: SupervisedInstallation, cast: Actors) -> Iterator[Scene]:
    account = a_company()
    waiting = a_deal(cast, a_company())
    cast.rep.finds("quote", waiting["journey_id"], "sent")
    admin = ApiClient(house, house.token(ADMINISTRATOR, "Administrator", ["admin"]))
    form = {"url": NOBODY_LISTENS, "filter": {"types": ["ltc.deal.won.v1"]}}
    endpoint = admin.send("POST", "hub", "/endpoints", json=form).raise_for_status().json()["id"]
    admin.post("hub", f"/endpoints/{endpoint}/test")
    grant = {"personal": False, "stages": ["deal"], "reason": "they asked"}
    admin.put("hub", f"/subscribers/{SOMEBODY}", grant)
    with unable(house, "quote", f"account_name <> '{account}'"):
        failing = a_deal(cast, account)
        propose_edit(cast, failing, account)
        yield Scene(waiting["number"], failing["number"], endpoint)
    admin.close()


def a_deal(cast: Actors, account: str) -> Thing:
    deal = cast.rep.opens_deal(account, [wanted("SVC-ONBOARD", 1)], ON_DELIVERY)
    cast.rep.asks_for_proposal(deal)
    return deal


def propose_edit(cast: Actors, deal: Thing, account: str) -> None:
    lane = f"/ops/parked/ltc.deal.v1/{deal['id']}"
    [head] = eventually(lambda: cast.oncall.doors.get("quote", lane), what="the parked message")
    better = json.loads(head["payload"].replace(account, a_company()))
    form = {"payload": better, "reason": "they have another name", "event_id": head["event_id"]}
    cast.oncall.doors.post("quote", f"{lane}/edit", form)


Opened = Callable[[BrowserWindow], Locator]
"""Opens a dialog; where focus comes back to."""


def button(*keys: str, within: str | None = None) -> Opened:
    """By buttons that are called so, one after the other: focus comes back to the last."""

    def opens(desk: BrowserWindow) -> Locator:
        last = None
        for key in keys:
            place = desk.page.locator(within or "main") if last is None else dialog(desk)
            last = place.get_by_role("button", name=desk.called(key)).first
            last.click()
        assert last is not None
        return last

    return opens


def item(key: str) -> Opened:
    """By the menu of acts: focus comes back to its button."""

    def opens(desk: BrowserWindow) -> Locator:
        menu = desk.page.get_by_role("button", name=desk.called("act.menu"))
        menu.click()
        desk.page.get_by_role("menuitem", name=desk.called(key)).first.click()
        return menu

    return opens


def new_secret(desk: BrowserWindow) -> Locator:
    last = button("webhooks.new")(desk)
    dialog(desk).locator("input[type=url]").fill(NOBODY_LISTENS)
    dialog(desk).get_by_role("button", name=desk.called("webhooks.create")).click()
    expect(dialog(desk).get_by_text(desk.called("secret.text"))).to_be_visible()
    return last


def searching(desk: BrowserWindow) -> Locator:
    place = desk.page.locator("button.search")
    place.focus()
    desk.page.keyboard.press("Control+k")
    return place


def dialog(desk: BrowserWindow) -> Locator:
    """The topmost."""
    return desk.page.get_by_role("dialog").last


PARKED = ".notice.bad"
DIALOGS: dict[str, tuple[str, Opened]] = {
    "search": ("/app/", searching),
    "replay a journey": ("/app/j/{waiting}", item("act.replay.journey")),
    "hold": ("/app/j/{waiting}", item("act.hold.item")),
    "resolve": ("/app/j/{waiting}", item("act.resolve.item")),
    "payload": ("/app/j/{waiting}", button("steps.show")),
    "replay a fact": ("/app/j/{waiting}", button("steps.show", "act.replay.fact")),
    "parked message": ("/app/j/{failing}", button("parked.look", within=PARKED)),
    "retry": ("/app/j/{failing}", button("action.retry", within=PARKED)),
    "skip": ("/app/j/{failing}", button("action.skip", within=PARKED)),
    "hold a message": ("/app/j/{failing}", button("action.hold", within=PARKED)),
    "edit": ("/app/j/{failing}", button("action.edit", within=PARKED)),
    "approve": ("/app/edits", button("action.approve")),
    "reject": ("/app/edits", button("action.reject")),
    "retry many": ("/app/failures", button("failures.retryAll")),
    "skip many": ("/app/failures", button("failures.skipAll")),
    "event": ("/app/catalogue", button("steps.show")),
    "new endpoint": ("/app/webhooks", button("webhooks.new")),
    "replay to an endpoint": ("/app/webhooks/{endpoint}", button("webhooks.replay")),
    "rotate": ("/app/webhooks/{endpoint}", button("webhooks.rotate")),
    "secret": ("/app/webhooks", new_secret),
    "remove": ("/app/webhooks/{endpoint}", button("webhooks.remove")),
    "delivery": ("/app/webhooks/{endpoint}", button("deliveries.log")),
    "new grant": ("/app/subscribers", button("subscribers.new")),
    "grant": ("/app/subscribers", button("subscribers.changeOf")),
}


@pytest.mark.parametrize("name", DIALOGS)
def test_dialog_is_accessible_in_both_languages_and_themes(
    screen: BrowserWindow, scene: Scene, name: str, request: pytest.FixtureRequest
) -> None:
    """Dialogs of one page follow each other on it. The page itself is judged in test_pages."""
    desk = screen
    path, opens = DIALOGS[name]
    place = path.format(**vars(scene))
    if not desk.page.url.endswith(place) or dialog(desk).count():
        desk.opens(place)
    desk.wrong.clear()

    opener = opens(desk)
    opened = dialog(desk)
    expect(opened).to_be_visible()
    expect(opened.locator(":focus")).to_have_count(1)
    desk.settles()
    desk.photographed(request.node.name)
    assert desk.faults(within="[role=dialog]") == []
    assert opened.get_attribute("aria-labelledby") or opened.get_attribute("aria-label")

    shown = desk.page.get_by_role("dialog").count()
    desk.page.keyboard.press("Escape")
    expect(desk.page.get_by_role("dialog")).to_have_count(shown - 1)
    expect(opener).to_be_focused()
    assert desk.wrong == []
