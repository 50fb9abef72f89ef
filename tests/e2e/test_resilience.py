"""Stories with a service down or the broker killed: no loss and no duplicate."""

from __future__ import annotations

import httpx
import pytest

from testkit.actors.actor import Thing
from testkit.actors.all_actors import ON_DELIVERY, Actors, Sale, a_company, wanted
from testkit.installation.supervised import SupervisedInstallation
from testkit.polling import eventually

pytestmark = pytest.mark.e2e

MANY = 20


def cents(money: Thing) -> int:
    return int(money["amount"].replace(".", ""))


def whole(cast: Actors, journeys: list[str], before: Thing, *, each: int) -> None:
    """Each of these journeys has gone through every stage exactly once, and the money of the house
    has grown by exactly what they brought."""
    for journey in journeys:
        cast.oncall.sees_settled(journey)
        for stage, done in (
            ("deal", "won"),
            ("quote", "accepted"),
            ("contract", "completed"),
            ("order", "fulfilled"),
            ("billing", "paid"),
        ):
            actor = cast.accountant if stage == "billing" else cast.oncall
            actor.finds(stage, journey, done)
    after = cast.accountant.totals()
    for name in ("contracted", "invoiced", "paid", "contracted_of_settled"):
        assert cents(after[name]) - cents(before[name]) == each * len(journeys), name
    assert after["accounts"] - before["accounts"] == len(journeys)
    assert after["ledger_balance"]["amount"] == "0.00"


def web_orders(cast: Actors, count: int) -> list[str]:
    return cast.web.sends_many([cast.web.order("LIC-TEAM", paid="2712.00") for _ in range(count)])


def test_story_leads_and_deals_go_on_while_quote_svc_is_down(
    house: SupervisedInstallation, cast: Actors
) -> None:
    before = cast.accountant.totals()
    with house.without("quote"):
        journeys = web_orders(cast, MANY)
        for journey in journeys:
            cast.rep.finds("deal", journey, "open", stage="proposal")
        deal = cast.rep.opens_deal(a_company(), [wanted("SVC-ONBOARD", 1)], ON_DELIVERY)
        asked = cast.rep.asks_for_proposal(deal)
        assert asked["requests"] == 1
        with pytest.raises(httpx.ConnectError):
            cast.rep.all_of("quote", deal["journey_id"])

    whole(cast, journeys, before, each=2712_00)
    quote = cast.rep.finds("quote", deal["journey_id"], "sent")
    assert len(quote["versions"]) == 1


def test_story_orders_are_delivered_while_billing_svc_is_down(
    house: SupervisedInstallation, cast: Actors
) -> None:
    before = cast.accountant.totals()
    with house.without("billing"):
        sold: list[Sale] = [cast.sell([wanted("HW-SENSOR", 1)], ON_DELIVERY) for _ in range(3)]
        for sale in sold:
            cast.erp.ships_and_delivers(sale.order, {1: 1})
            cast.desk.finds("order", sale.journey, "fulfilled")
        with pytest.raises(httpx.ConnectError):
            cast.accountant.totals()

    invoices = [cast.accountant.invoices(sale.contract, 1)[0] for sale in sold]
    numbers = sorted(int(invoice["number"].rsplit("-", 1)[1]) for invoice in invoices)
    assert numbers == list(range(numbers[0], numbers[0] + len(sold)))
    cast.bank.reports(*(cast.bank.line(invoice) for invoice in invoices))
    whole(cast, [sale.journey for sale in sold], before, each=361_60)


def test_story_killed_broker_loses_and_repeats_no_journey(
    house: SupervisedInstallation, cast: Actors
) -> None:
    before = cast.accountant.totals()
    journeys = web_orders(cast, MANY)
    house.kill("kafka")
    journeys += web_orders(cast, MANY)
    deal = cast.rep.opens_deal(a_company(), [wanted("SVC-ONBOARD", 1)], ON_DELIVERY)
    cast.rep.asks_for_proposal(deal)

    whole(cast, journeys, before, each=2712_00)
    quote = cast.rep.finds("quote", deal["journey_id"], "sent")
    assert len(quote["versions"]) == 1
    eventually(
        lambda: [len(cast.rep.all_of("deal", journey)) for journey in journeys],
        lambda found: found == [1] * len(journeys),
        what="one deal for each",
    )
