"""Stories of quotes that are declined and revised, expire, or are withdrawn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from testkit.actors.actor import Thing
from testkit.actors.all_actors import ON_DELIVERY, Actors, a_company, wanted
from testkit.api_client import Refused

pytestmark = pytest.mark.e2e


def statuses(quote: Thing) -> list[str]:
    return [version["status"] for version in quote["versions"]]


def offered(cast: Actors, lines: list[Thing]) -> tuple[Thing, str]:
    """A deal whose offer is with the customer, and the customer's link."""
    deal = cast.rep.opens_deal(a_company(), lines, ON_DELIVERY)
    cast.rep.asks_for_proposal(deal)
    quote = cast.rep.finds("quote", deal["journey_id"], "sent")
    deal = cast.rep.finds("deal", deal["journey_id"], "open", stage="negotiation")
    return deal, cast.rep.link_to("quote", quote)


def test_story_declined_quote_is_revised_and_accepted(cast: Actors) -> None:
    deal, link = offered(cast, [wanted("SVC-TRAINING", 2)])
    journey = deal["journey_id"]
    first = cast.customer.offer(link)
    assert first["totals"]["gross"]["amount"] == "6360.00"
    cast.customer.declines(link, first, "太贵")
    quote = cast.rep.finds("quote", journey, "declined")
    assert quote["versions"][0]["reason"] == "太贵"
    assert cast.oncall.sees_gate(journey, "proposal")["owner"] == "role:sales_rep"
    assert cast.rep.shows("deal", deal)["stage"] == "negotiation"

    cast.rep.records_needs(deal, [wanted("SVC-TRAINING", 2, "10")], ON_DELIVERY)
    cast.rep.asks_for_proposal(deal)
    quote = cast.rep.finds("quote", journey, "sent")
    assert statuses(quote) == ["superseded", "sent"]

    second = cast.customer.offer(link)
    assert (second["version"], second["totals"]["gross"]["amount"]) == (2, "5724.00")
    with pytest.raises(Refused) as old:
        cast.customer.accepts(link, first)
    assert (old.value.status, old.value.type) == (409, "not-the-current-version")
    with pytest.raises(Refused) as other:
        cast.customer.accepts(link, second | {"version_hash": first["version_hash"]})
    assert (other.value.status, other.value.type) == (409, "hash-differs")
    cast.customer.accepts(link, second)
    assert statuses(cast.rep.finds("quote", journey, "accepted")) == ["superseded", "accepted"]

    cast.rep.finds("deal", journey, "open", stage="contracting")
    contract = cast.rep.finds("contract", journey, "awaiting_signature")
    assert contract["totals"] == second["totals"]
    cast.customer.signs(cast.rep.link_to("contract", contract))
    won = cast.rep.finds("deal", journey, "won")
    assert won["outcome"]["contract_number"] == contract["number"]
    assert won["outcome"]["gross"] == second["totals"]["gross"]


@contextmanager
def validity(cast: Actors, days: int) -> Iterator[None]:
    """For the moment offers are good for so many days."""
    before = cast.manager.changes_policy("deal", "pipeline", "last call", validity_days=days)
    try:
        yield
    finally:
        cast.manager.changes_policy("deal", "pipeline", "back to normal", **before)


def test_story_quote_without_an_answer_expires(cast: Actors) -> None:
    """The link belongs to the first version; the second one expires at once."""
    deal, link = offered(cast, [wanted("SVC-SUPPORT", 1)])
    journey = deal["journey_id"]
    with validity(cast, 0):
        cast.rep.asks_for_proposal(deal)
    quote = cast.rep.finds("quote", journey, "expired")
    assert statuses(quote) == ["superseded", "expired"]

    offer = cast.customer.offer(link)
    assert (offer["version"], offer["status"]) == (2, "expired")
    with pytest.raises(Refused) as late:
        cast.customer.accepts(link, offer)
    assert late.value.status == 409
    with pytest.raises(Refused) as unsent:
        cast.rep.link_to("quote", quote)
    assert (unsent.value.status, unsent.value.type) == (409, "nothing-to-answer")
    assert cast.oncall.sees_gate(journey, "proposal")["owner"] == "role:sales_rep"
    assert cast.rep.shows("deal", deal)["stage"] == "negotiation"
    assert cast.rep.all_of("contract", journey) == []
    assert statuses(cast.rep.finds("quote", journey)) == ["superseded", "expired"]


def test_story_lost_deal_withdraws_its_open_quote(cast: Actors) -> None:
    deal, link = offered(cast, [wanted("HW-GATEWAY", 2)])
    offer = cast.customer.offer(link)
    lost = cast.rep.gives_up(deal, "选了别家")
    assert (lost["status"], lost["reason"]) == ("lost", "选了别家")

    quote = cast.rep.finds("quote", deal["journey_id"], "superseded")
    assert quote["versions"][0]["reason"] == "选了别家"
    assert cast.customer.offer(link)["status"] == "superseded"
    with pytest.raises(Refused) as gone:
        cast.customer.accepts(link, offer)
    assert (gone.value.status, gone.value.type) == (409, "illegal-transition")
    with pytest.raises(Refused) as closed:
        cast.rep.asks_for_proposal(deal)
    assert (closed.value.status, closed.value.type) == (409, "not-open")
    cast.oncall.sees_no_gate(deal["journey_id"], "customer_answer", "proposal")
    assert cast.rep.all_of("contract", deal["journey_id"]) == []


def test_story_lost_deal_withdraws_its_unsigned_contract(cast: Actors) -> None:
    deal, link = offered(cast, [wanted("HW-GATEWAY", 1)])
    cast.customer.accepts(link, cast.customer.offer(link))
    contract = cast.rep.finds("contract", deal["journey_id"], "awaiting_signature")
    signing = cast.rep.link_to("contract", contract)
    cast.rep.gives_up(deal, "预算取消")

    contract = cast.rep.finds("contract", deal["journey_id"], "withdrawn")
    assert contract["reason"] == "预算取消"
    with pytest.raises(Refused) as gone:
        cast.customer.signs(signing)
    assert gone.value.status == 409
    assert cast.rep.shows("deal", deal)["status"] == "lost"
