"""Planted faults: the console names in one sentence what is missing, its owner and the cause.

It does so on its page, at its API and on the command line. The owning service carries out the
action of the person, and its audit records it.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest

from testkit.actors.actor import Thing
from testkit.actors.all_actors import ON_DELIVERY, Actors, a_company, wanted
from testkit.browser import BrowserWindow
from testkit.installation.supervised import SupervisedInstallation
from testkit.polling import eventually
from tests.pages.breaking import NOTHING_IS_HEARD, NOTHING_IS_SAID, held, poison

pytestmark = pytest.mark.e2e


def reason_of(cast: Actors, journey: str, code: str) -> Thing:
    """Why a journey stands still, once the console says this code."""
    return eventually(
        lambda: cast.oncall.journey(journey),
        lambda seen: (seen["reason"] or {}).get("code") == code,
        what=f"{code} of {journey}",
    )["reason"]


def agrees(page: BrowserWindow, cast: Actors, journey: str, code: str) -> None:
    """The page says what the door says, soon: a sentence grows as more comes to wait."""
    heading = page.page.get_by_role("heading", level=1)
    eventually(
        lambda: (cast.oncall.journey(journey)["reason"] or {}, heading.inner_text()),
        lambda seen: (
            seen[0].get("code") == code and seen[0]["sentence"] in " ".join(seen[1].split())
        ),
        what=f"the page of {journey} says {code} like the door",
    )
    page.says(code, "")


def asked_for_proposal(cast: Actors) -> Thing:
    deal = cast.rep.opens_deal(a_company(), [wanted("SVC-ONBOARD", 1)], ON_DELIVERY)
    cast.rep.asks_for_proposal(deal)
    return deal


def told(house: SupervisedInstallation, journey: str) -> Thing:
    """What the command line says."""
    traced = house.run("trace", journey, "--json")
    assert traced.returncode == 0, traced.stderr
    found: Thing = json.loads(traced.stdout)["reason"]
    return found


def test_stuck_page_names_a_service_that_is_down(
    house: SupervisedInstallation, cast: Actors, desk: BrowserWindow
) -> None:
    with house.without("quote"):
        deal = asked_for_proposal(cast)
        reason = reason_of(cast, deal["journey_id"], "SERVICE_DOWN")
        assert "quote-svc" in reason["sentence"]
        assert told(house, deal["number"])["code"] == "SERVICE_DOWN"
        page = desk.finds(deal["number"])
        agrees(page, cast, deal["journey_id"], "SERVICE_DOWN")
    page.says("WAITING_EXTERNAL", "customer")  # by itself: nobody loaded the page again
    cast.rep.finds("quote", deal["journey_id"], "sent")


def test_stuck_page_names_a_consumer_that_lags(
    house: SupervisedInstallation, cast: Actors, desk: BrowserWindow
) -> None:
    with held(house, "quote", NOTHING_IS_HEARD):
        deal = asked_for_proposal(cast)
        reason = reason_of(cast, deal["journey_id"], "CONSUMER_LAG")
        assert "quote-svc" in reason["sentence"]
        assert "ltc.deal.v1" in json.dumps(reason["evidence"])
        agrees(desk.finds(deal["journey_id"]), cast, deal["journey_id"], "CONSUMER_LAG")
    cast.rep.finds("quote", deal["journey_id"], "sent")


def test_stuck_page_polls_without_a_live_stream(
    house: SupervisedInstallation, cast: Actors, desk: BrowserWindow
) -> None:
    """A service that has caught up publishes no event about it, so the answer to the last query
    may still name it as lagging."""
    desk.hears_nothing()
    with held(house, "quote", NOTHING_IS_HEARD):
        deal = asked_for_proposal(cast)
        agrees(desk.finds(deal["number"]), cast, deal["journey_id"], "CONSUMER_LAG")
        for _ in range(2):
            desk.asks(re.compile("/journeys/[^/]+$"))
    desk.says("WAITING_EXTERNAL", "customer")


def test_stuck_page_names_an_outbox_backlog(
    house: SupervisedInstallation, cast: Actors, desk: BrowserWindow
) -> None:
    with held(house, "deal", NOTHING_IS_SAID):
        deal = asked_for_proposal(cast)
        # The journey began with the deal: no fact of it has left, the console has not heard of it.
        asked = cast.oncall.doors.send("GET", "console", f"/journeys/{deal['number']}")
        assert asked.status_code == 404
    quote = cast.rep.finds("quote", deal["journey_id"], "sent")
    with held(house, "quote", NOTHING_IS_SAID):
        link = cast.rep.link_to("quote", quote)
        cast.customer.accepts(link, cast.customer.offer(link))
        reason = reason_of(cast, deal["journey_id"], "OUTBOX_BACKLOG")
        assert "quote-svc" in reason["sentence"]
        agrees(desk.finds(quote["number"]), cast, deal["journey_id"], "OUTBOX_BACKLOG")
    cast.rep.finds("contract", deal["journey_id"], "awaiting_signature")


def test_stuck_page_names_a_person_who_is_late(cast: Actors, desk: BrowserWindow) -> None:
    began = datetime.now(UTC)
    before = cast.manager.changes_policy("deal", "pipeline", "a hurry", needs_within_hours=0)
    try:
        lead = cast.rep.captures(
            {
                "contact": {"name": "王小明"},
                "company": {"name": a_company()},
                "origin": {"channel": "phone"},
                "owner": {"sub": cast.rep.sub, "name": cast.rep.name},
            }
        )
        cast.rep.qualifies(lead, "三个机柜")
        deal = cast.rep.finds("deal", lead["journey_id"], "open")
    finally:
        cast.manager.changes_policy("deal", "pipeline", "as before", **before)
    reason = reason_of(cast, lead["journey_id"], "WAITING_HUMAN")
    assert reason["hop"]
    assert reason["owner"] == f"person:{cast.rep.sub}"
    assert datetime.fromisoformat(reason["since"]) > began

    def overdue() -> list[str]:
        page = cast.oncall.doors.get("console", "/stuck", over_sla=True, limit=200)
        return [item["journey_id"] for item in page["items"]]

    eventually(overdue, lambda found: lead["journey_id"] in found, what="overdue and listed")
    desk.opens("/app/?over_sla=true").lists(deal["number"])
    desk.finds(lead["number"]).says("WAITING_HUMAN", cast.rep.sub)


def test_stuck_page_skips_a_poison_message(
    house: SupervisedInstallation, cast: Actors, desk: BrowserWindow
) -> None:
    deal = cast.rep.opens_deal(a_company(), [wanted("SVC-ONBOARD", 1)], ON_DELIVERY)
    cast.oncall.sees_gate(deal["journey_id"], "proposal")
    poison(house, "ltc.deal.v1", deal["id"])
    cast.rep.asks_for_proposal(deal)
    reason_of(cast, deal["journey_id"], "DEAD_LETTERED")
    page = desk.finds(deal["number"])
    agrees(page, cast, deal["journey_id"], "DEAD_LETTERED")
    listed = house.run("dlq", "ls", "--json")
    assert deal["id"] in listed.stdout, listed.stderr

    page.acts("Skip", "no fact: half a value, by hand", on=page.parked("quote"))
    quote = cast.rep.finds("quote", deal["journey_id"], "sent")
    acts = eventually(
        lambda: cast.oncall.journey(quote["number"])["actions"],
        lambda found: [act["outcome"] for act in found] == ["resolved"],
        what="the skip in the audit, and that it helped",
    )
    assert [(act["actor_sub"], act["reason"]) for act in acts] == [
        (desk.sub, "no fact: half a value, by hand")
    ]
    page.shows("no fact: half a value, by hand")

    parked = [trouble for trouble in cast.oncall.troubles() if trouble["key"] == deal["id"]]
    others = {trouble["stage"] for trouble in parked}
    assert "contract" in others, "every stage that hears the topic decides for itself"
    assert "console" not in others, "whoever only observes goes on by itself"
    for stage in others:
        page.acts("Skip", "no fact", on=page.parked(stage))
    page.says("WAITING_EXTERNAL", "customer")
