"""Every gate of a journey: seen with owner and due time, then passed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from testkit.actors.actor import Thing
from testkit.actors.all_actors import ON_DELIVERY, PREPAID, Actors, a_company, wanted
from testkit.api_client import Refused

pytestmark = pytest.mark.e2e


def waits(cast: Actors, journey: str, gate: str, *, stage: str, owner: str) -> Thing:
    """The journey waits at a gate: the console says for whom and until when, and so does the
    stage's own door."""
    seen = cast.oncall.sees_gate(journey, gate)
    assert (seen["stage"], seen["owner"]) == (stage, owner)
    assert datetime.fromisoformat(seen["due_at"]) > datetime.now(UTC)
    assert not seen["overdue"]
    assert not cast.oncall.journey(journey)["settled"]
    return seen


def at_its_door(thing: Thing, seen: Thing) -> None:
    [gate] = [gate for gate in thing["gates"] if gate["name"] == seen["gate"]]
    assert gate["owner"] == seen["owner"]
    assert datetime.fromisoformat(gate["due_at"]) == datetime.fromisoformat(seen["due_at"])


def passed(cast: Actors, journey: str, *gates: str) -> None:
    """What was done is seen: these gates are open no more."""
    cast.oncall.sees_no_gate(journey, *gates)


def test_story_large_sale_waits_at_each_gate_for_its_owner(cast: Actors) -> None:
    """Above the limits of discount, signature and credit, every approver is asked."""
    journey, deal = waits_for_the_seller(cast)
    waits_for_approval_and_answer(cast, journey)
    contract = waits_for_two_signatures(cast, journey)
    waits_for_credit_and_goods(cast, journey)

    [invoice] = cast.accountant.invoices(contract, 1)
    seen = waits(cast, journey, "payment", stage="billing", owner="party:customer")
    at_its_door(invoice, seen)
    cast.bank.reports(cast.bank.line(invoice))
    account = cast.accountant.settled(contract)
    assert account["charges"][0]["gross"] == contract["totals"]["gross"]
    assert cast.oncall.sees_settled(contract["number"])["gates"] == []
    assert cast.rep.shows("deal", deal)["status"] == "won"


def waits_for_the_seller(cast: Actors) -> tuple[str, Thing]:
    """Qualification, needs, proposal: the owner of the lead."""
    lead = cast.rep.captures(
        {
            "contact": {"name": "王小明"},
            "company": {"name": a_company()},
            "origin": {"channel": "phone"},
            "owner": {"sub": cast.rep.sub, "name": cast.rep.name},
        }
    )
    journey, owner = lead["journey_id"], f"person:{cast.rep.sub}"
    seen = waits(cast, journey, "qualification", stage="lead", owner=owner)
    at_its_door(lead, seen)
    cast.rep.qualifies(lead, "六百个机柜")

    deal = cast.rep.finds("deal", journey, "open")
    seen = waits(cast, journey, "needs", stage="deal", owner=owner)
    at_its_door(deal, seen)
    deal = cast.rep.records_needs(deal, [wanted("HW-RACK", 600, "15")], ON_DELIVERY)

    at_its_door(deal, waits(cast, journey, "proposal", stage="deal", owner=owner))
    cast.rep.asks_for_proposal(deal)
    passed(cast, journey, "qualification", "needs", "proposal")
    return journey, deal


def waits_for_approval_and_answer(cast: Actors, journey: str) -> None:
    """A manager, then the customer: until the offer lapses."""
    quote = cast.rep.finds("quote", journey, "pending_approval")
    seen = waits(cast, journey, "approval", stage="quote", owner="role:sales_manager")
    at_its_door(quote, seen)
    with pytest.raises(Refused) as early:
        cast.rep.link_to("quote", quote)
    assert early.value.status == 409
    cast.manager.approves(quote)

    quote = cast.rep.finds("quote", journey, "sent")
    seen = waits(cast, journey, "customer_answer", stage="quote", owner="party:customer")
    at_its_door(quote, seen)
    assert datetime.fromisoformat(seen["due_at"]) == datetime.fromisoformat(
        quote["versions"][-1]["valid_until"]
    )
    link = cast.rep.link_to("quote", quote)
    cast.customer.accepts(link, cast.customer.offer(link))
    passed(cast, journey, "approval", "customer_answer")


def waits_for_two_signatures(cast: Actors, journey: str) -> Thing:
    """Above the amount that a policy signs for the company, both sign by hand."""
    contract = cast.rep.finds("contract", journey, "awaiting_signature")
    theirs = waits(cast, journey, "signature:customer", stage="contract", owner="party:customer")
    ours = waits(cast, journey, "signature:company", stage="contract", owner="role:sales_manager")
    at_its_door(contract, theirs)
    at_its_door(contract, ours)
    cast.customer.signs(cast.rep.link_to("contract", contract))
    passed(cast, journey, "signature:customer")
    waits(cast, journey, "signature:company", stage="contract", owner="role:sales_manager")
    assert cast.rep.shows("contract", contract)["status"] == "awaiting_signature"
    cast.manager.signs(cast.manager.shows("contract", contract))
    passed(cast, journey, "signature:company")
    return contract


def waits_for_credit_and_goods(cast: Actors, journey: str) -> None:
    """Finance, then the ERP and the order desk."""
    order = cast.desk.finds("order", journey, held="credit")
    seen = waits(cast, journey, "credit", stage="order", owner="role:finance")
    at_its_door(order, seen)
    with pytest.raises(Refused) as held:
        cast.erp.ships(order, {1: 600})
    assert (held.value.status, held.value.type) == (409, "held")
    cast.accountant.releases_credit(order, "多年老客户")

    order = cast.desk.finds("order", journey, held=None)
    at_its_door(order, waits(cast, journey, "erp_confirmation", stage="order", owner="system:erp"))
    seen = waits(cast, journey, "delivery", stage="order", owner="role:order_desk")
    at_its_door(order, seen)
    cast.erp.ships_and_delivers(order, {1: 600})
    passed(cast, journey, "erp_confirmation", "delivery")


def test_story_prepaid_order_waits_for_the_payment(cast: Actors) -> None:
    sale = cast.sell([wanted("HW-SENSOR", 10)], PREPAID)
    seen = waits(cast, sale.journey, "prepayment", stage="order", owner="party:customer")
    order = cast.desk.finds("order", sale.journey, held="prepayment")
    at_its_door(order, seen)
    [invoice] = cast.accountant.invoices(sale.contract, 1)
    with pytest.raises(Refused) as held:
        cast.erp.ships(order, {1: 10})
    assert held.value.type == "held"

    half = "1808.00"
    assert invoice["totals"]["gross"]["amount"] == "3616.00"
    cast.bank.reports(cast.bank.line(invoice, half))
    cast.accountant.sees("billing", invoice, lambda i: i["status"] == "partially_paid", "half paid")
    waits(cast, sale.journey, "prepayment", stage="order", owner="party:customer")
    cast.bank.reports(cast.bank.line(invoice, half))

    order = cast.desk.finds("order", sale.journey, held=None)
    passed(cast, sale.journey, "prepayment", "payment")
    cast.erp.ships_and_delivers(order, {1: 10})
    assert cast.accountant.settled(sale.contract)["recognised"]["amount"] == "3200.00"
    assert cast.oncall.sees_settled(sale.journey)["gates"] == []
