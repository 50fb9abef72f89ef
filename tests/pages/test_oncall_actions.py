"""On-call actions in the browser on a running platform.

Each action has its reason in the audit and on the timeline, and is `resolved` only after the next
step of the journey was observed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Locator, expect

from testkit.actors.actor import Thing
from testkit.actors.all_actors import ON_DELIVERY, PREPAID, Actors, a_company, wanted
from testkit.browser import BrowserWindow
from testkit.installation.supervised import SupervisedInstallation
from testkit.kafka_probe import KafkaProbe
from testkit.polling import eventually
from tests.pages.breaking import out_of_tries, unable
from tests.pages.conftest import open_window

pytestmark = pytest.mark.e2e

TOPIC = "ltc.deal.v1"
RESOLVED, FAILED_AGAIN = "Resolved: the next step was seen", "Failed again"


def a_deal(cast: Actors, account: str) -> Thing:
    return cast.rep.opens_deal(account, [wanted("SVC-ONBOARD", 1)], ON_DELIVERY)


@contextmanager
def unable_to_quote(house: SupervisedInstallation, account: str) -> Iterator[str]:
    with unable(house, "quote", f"account_name NOT LIKE '%{account}%'") as bug:
        yield bug


@contextmanager
def parked_at_quote(
    house: SupervisedInstallation, cast: Actors, desk: BrowserWindow, account: str
) -> Iterator[Thing]:
    """A deal that quote-svc cannot take in while its bug is there, on the screen."""
    with unable_to_quote(house, account):
        deal = a_deal(cast, account)
        cast.rep.asks_for_proposal(deal)
        desk.finds(deal["number"])
        expect(desk.parked("quote")).to_contain_text("CheckViolation")
        yield deal


def test_page_retry_is_resolved_when_the_next_step_is_observed(
    house: SupervisedInstallation, cast: Actors, desk: BrowserWindow
) -> None:
    card = desk.parked("quote")
    with parked_at_quote(house, cast, desk, a_company()) as deal:
        desk.acts("Retry", "perhaps it was a moment", on=card)
        desk.audited("perhaps it was a moment", FAILED_AGAIN)
        out_of_tries(house, "quote", TOPIC, [deal["id"]])
    desk.acts("Retry", "the bug is mended", on=card)
    desk.audited("the bug is mended", RESOLVED)
    expect(card).to_be_hidden()
    cast.rep.finds("quote", deal["journey_id"], "sent")
    desk.says("WAITING_EXTERNAL", "customer")


def test_page_edit_needs_two_people(
    house: SupervisedInstallation, cast: Actors, desk: BrowserWindow, second: BrowserWindow
) -> None:
    account, better = a_company(), a_company()
    with parked_at_quote(house, cast, desk, account) as deal:
        desk.parked("quote").get_by_role("button", name="Edit").click()
        data = desk.page.get_by_role("dialog").get_by_label("Data")
        data.fill(data.input_value().replace(account, better))
        shows_diff(desk.page.get_by_role("dialog"), account, better)
        desk.gives("they have another name", "Propose")
        desk.audited("they have another name", "Propose edit")

        mine = proposal(desk, deal)
        expect(mine).to_contain_text("You proposed this: someone else decides.")
        expect(mine.get_by_role("button", name="Approve")).to_be_disabled()
        expect(mine.get_by_role("button", name="Reject")).to_be_disabled()

        theirs = proposal(second, deal)
        expect(theirs).to_contain_text("On call: they have another name")
        shows_diff(theirs, account, better)
        second.acts("Approve", "so it is in the register", on=theirs)
        expect(theirs).to_be_hidden()
        second.finds(deal["number"])
        second.audited("so it is in the register", RESOLVED)
    quote = cast.rep.finds("quote", deal["journey_id"], "sent")
    assert better in json.dumps(cast.rep.shows("quote", quote), ensure_ascii=False)
    second.says("WAITING_EXTERNAL", "customer")


def proposal(desk: BrowserWindow, deal: Thing) -> Locator:
    """The edit of a deal's message that waits for a second person."""
    return desk.opens("/app/edits").page.get_by_role("region").filter(has_text=deal["id"])


def shows_diff(on: Locator, before: str, after: str) -> None:
    expect(on.locator("del").filter(has_text=before)).to_be_visible()
    expect(on.locator("ins").filter(has_text=after)).to_be_visible()


def test_page_hold_and_release_messages(cast: Actors, desk: BrowserWindow) -> None:
    deal = a_deal(cast, a_company())
    cast.oncall.sees_gate(deal["journey_id"], "proposal")
    desk.finds(deal["number"])
    dialog = desk.chooses("Hold messages…")
    expect(dialog.get_by_label("Messages of")).to_have_value(f"Deal {deal['number']}")
    expect(dialog).to_contain_text(f"{TOPIC}/{deal['id']}")
    expect(dialog.get_by_label("In which service")).to_have_value("Quote")
    desk.gives("the price list changes tonight", "Hold")
    desk.audited("the price list changes tonight")
    card = desk.parked("quote")
    expect(card).to_contain_text("Held")

    cast.rep.asks_for_proposal(deal)
    expect(card).to_contain_text("proposal", ignore_case=True)
    assert cast.rep.all_of("quote", deal["journey_id"]) == []
    desk.acts("Let go on", "the price list is in", on=card)
    desk.audited("the price list is in", RESOLVED)
    expect(card).to_be_hidden()
    desk.says("WAITING_EXTERNAL", "customer")


def test_page_hold_of_a_failing_message(
    house: SupervisedInstallation, cast: Actors, desk: BrowserWindow
) -> None:
    card = desk.parked("quote")
    with parked_at_quote(house, cast, desk, a_company()):
        desk.acts("Hold", "no more tries until it is mended", on=card)
        expect(card.get_by_role("button", name="Let go on")).to_be_visible()
        expect(card.get_by_role("button", name="Retry")).to_have_count(0)
        desk.audited("no more tries until it is mended")
    desk.acts("Let go on", "mended", on=card)
    desk.audited("mended", RESOLVED)
    desk.says("WAITING_EXTERNAL", "customer")


def test_page_replay_of_a_journey_has_no_second_effect(
    house: SupervisedInstallation, cast: Actors, desk: BrowserWindow
) -> None:
    deal = a_deal(cast, a_company())
    cast.rep.asks_for_proposal(deal)
    quote = cast.rep.finds("quote", deal["journey_id"], "sent")
    desk.finds(deal["number"]).says("WAITING_EXTERNAL", "customer")
    before = said_by_deal(house, deal)

    dialog = desk.chooses("Say its facts again…")
    dialog.get_by_label("In which service").click()
    desk.page.get_by_role("option", name="Deal").click()
    dialog.get_by_role("button", name="Try without doing it").click()
    expect(dialog.get_by_role("status")).to_have_text(f"{len(before)} facts would be said again.")
    assert said_by_deal(house, deal) == before
    desk.gives("an outside system lost them", "Replay")
    desk.audited("an outside system lost them")

    twice = [*before, *before]
    eventually(lambda: said_by_deal(house, deal), lambda said: said == twice, what="all said again")
    KafkaProbe(house.bootstrap).sees_all_applied()
    assert cast.rep.shows("quote", quote)["revision"] == quote["revision"]
    steps = [step["event_id"] for step in cast.oncall.journey(deal["number"])["steps"]]
    assert len(steps) == len(set(steps))
    desk.says("WAITING_EXTERNAL", "customer")


def said_by_deal(house: SupervisedInstallation, deal: Thing) -> list[str]:
    """The ids of what deal-svc said of a deal, as often as Kafka has them."""
    records = KafkaProbe(house.bootstrap).records_of(deal["journey_id"])
    return [record.event_id for record in records if record.topic == TOPIC]


def test_page_gate_is_cleared_with_evidence(
    house: SupervisedInstallation, cast: Actors, browser: Browser, desk: BrowserWindow
) -> None:
    sale = cast.sell([wanted("SVC-ONBOARD", 1)], PREPAID)
    gate = cast.oncall.sees_gate(sale.journey, "prepayment")
    item = re.compile(f"End the wait for .*{gate['number']}…")
    dialog = desk.finds(sale.order["number"]).chooses(item)
    dialog.get_by_label("Evidence").fill("bank slip 4711")
    dialog.get_by_label("Why").fill("they paid in cash")
    dialog.get_by_role("button", name="Resolve").click()
    expect(dialog.get_by_role("alert")).to_contain_text("is for admin or finance to clear")

    with open_window(house, browser, "admin-1") as boss:
        dialog = boss.finds(sale.order["number"]).chooses(item)
        dialog.get_by_label("Evidence").fill("bank slip 4711")
        boss.gives("they paid in cash", "Resolve")
        boss.audited("they paid in cash")
        cast.oncall.sees_no_gate(sale.journey, "prepayment")
        boss.says("WAITING_HUMAN", "")


def test_page_bulk_retry_of_a_failure_group_at_a_rate(
    house: SupervisedInstallation, cast: Actors, desk: BrowserWindow
) -> None:
    name = a_company()
    with unable_to_quote(house, name) as bug:
        deals = [a_deal(cast, f"{name} {n}") for n in range(7)]
        for deal in deals:
            cast.rep.asks_for_proposal(deal)
        desk.opens("/app/failures")
        group = desk.page.get_by_role("region", name=re.compile("CheckViolation.* quote "))
        group = group.filter(has_text=bug)
        expect(group).to_contain_text("7 messages")

        dialog = many(desk, group, "Retry all…", limit=7)
        desk.gives("let us see", "Try without doing it")
        expect(group.get_by_role("status")).to_contain_text("7 keys with 7 messages")
        runs = desk.page.get_by_role("region", name="Acts on many")
        expect(runs.filter(has_text="let us see")).to_have_count(0)
        out_of_tries(house, "quote", TOPIC, [deal["id"] for deal in deals])
    dialog = many(desk, group, "Retry all…", limit=6)
    dialog.get_by_role("switch").click()
    desk.gives("mended", "Retry")
    running = runs.get_by_role("status").filter(has_text="running")
    expect(running).to_contain_text(re.compile("[0-5] of 6"))
    desk.page.reload()
    expect(running).to_contain_text(re.compile("[1-5] of 6"))
    ended = runs.get_by_role("status").filter(has_text="done").first
    expect(ended).to_contain_text("6 of 6")
    desk.page.reload()
    expect(ended).to_contain_text("6 of 6")
    expect(runs).to_contain_text("On call: mended")

    expect(group).to_contain_text("1 message")
    helped = [deal for deal in deals if cast.rep.all_of("quote", deal["journey_id"])]
    assert len(helped) == 6
    desk.finds(helped[0]["number"]).audited("mended (bulk", RESOLVED)
    desk.says("WAITING_EXTERNAL", "customer")

    desk.opens("/app/failures")
    dialog = many(desk, group, "Skip all…", limit=1)
    dialog.get_by_role("switch").click()
    desk.gives("worthless", "Propose")
    proposed = runs.get_by_role("status").filter(has_text="waits for a second person")
    expect(proposed).to_contain_text("0 of 1")
    expect(proposed.get_by_role("button", name="Approve")).to_be_disabled()
    proposed.get_by_role("button", name="Stop").click()
    expect(proposed).to_have_count(0)


def many(desk: BrowserWindow, group: Locator, act: str, *, limit: int) -> Locator:
    """The dialog of an act on a group: one a second, so many at most."""
    group.get_by_role("button", name=act).click()
    dialog = desk.page.get_by_role("dialog")
    dialog.get_by_label("At most a second").fill("1")
    dialog.get_by_label("At most in all").fill(str(limit))
    return dialog
