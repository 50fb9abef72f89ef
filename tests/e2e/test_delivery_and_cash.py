"""Stories of partial deliveries and of payments in any order."""

from __future__ import annotations

import pytest

from testkit.actors.actor import Thing, status_of
from testkit.actors.all_actors import ON_DELIVERY, Actors, wanted

pytestmark = pytest.mark.e2e


def amounts(invoices: list[Thing]) -> list[str]:
    return [invoice["totals"]["gross"]["amount"] for invoice in invoices]


def test_story_two_deliveries_are_invoiced_separately(cast: Actors) -> None:
    sale = cast.sell([wanted("HW-GATEWAY", 3), wanted("SVC-ONBOARD", 1)], ON_DELIVERY)
    assert sale.contract["totals"]["gross"]["amount"] == "20044.00"
    order = cast.desk.finds("order", sale.journey, "acknowledged")

    first = cast.erp.ships(order, {1: 1})
    assert status_of(cast.desk.shows("order", order)) == "in_progress"
    after = cast.erp.delivers(order, {1: 1}, first)
    assert status_of(after) == "partially_fulfilled"
    assert (after["lines"][0]["shipped"], after["lines"][0]["delivered"]) == (1, 1)
    assert amounts(cast.accountant.invoices(sale.contract, 1)) == ["6328.00"]
    assert cast.accountant.account(sale.contract)["recognised"]["amount"] == "5600.00"

    after = cast.erp.ships_and_delivers(order, {1: 2})
    assert status_of(after) == "partially_fulfilled"
    assert amounts(cast.accountant.invoices(sale.contract, 2)) == ["6328.00", "12656.00"]
    after = cast.desk.delivers(order, {2: 1}, "acceptance protocol")
    assert status_of(after) == "fulfilled"
    assert after["gates"] == []

    invoices = cast.accountant.invoices(sale.contract, 3)
    assert amounts(invoices) == ["6328.00", "12656.00", "1060.00"]
    assert cast.accountant.account(sale.contract)["status"] == "open"
    cast.bank.reports(*(cast.bank.line(invoice) for invoice in invoices))
    account = cast.accountant.settled(sale.contract)
    assert account["recognised"]["amount"] == "17800.00"
    assert cast.accountant.ledger(sale.journey) == {
        "unapplied_cash": "20044.00",
        "revenue": "-17800.00",
        "tax_payable": "-2244.00",
    }
    cast.rep.finds("contract", sale.journey, "completed")


INSTALMENTS = {
    "kind": "instalments",
    "instalments": [
        {"percent": "33.33", "due": "on_signature"},
        {"percent": "33.33", "due": "days_after_signature", "days": 0},
        {"percent": "33.34", "due": "on_delivery"},
    ],
}


def test_story_instalments_are_paid_out_of_order_and_overpaid(cast: Actors) -> None:
    sale = cast.sell([wanted("HW-SENSOR", 7), wanted("SVC-TRAINING", 1)], INSTALMENTS)
    contract = sale.contract
    schedule = [item["amount"]["amount"] for item in contract["schedule"]]
    assert contract["totals"]["gross"]["amount"] == "5711.20"
    assert schedule == ["1903.54", "1903.54", "1904.12"]

    first, second = cast.accountant.invoices(contract, 2)
    assert amounts([first, second]) == schedule[:2]
    cast.erp.ships_and_delivers(sale.order, {1: 7})
    cast.desk.delivers(sale.order, {2: 1}, "acceptance protocol")
    third = cast.accountant.invoices(contract, 3)[2]
    assert amounts([third]) == schedule[2:]

    [over] = cast.bank.reports(cast.bank.line(third, "2000.00"))
    assert over["unapplied"] == {"amount": "95.88", "currency": "CNY"}
    assert cast.accountant.shows("billing", third)["status"] == "paid"
    assert cast.accountant.shows("billing", first)["status"] == "issued"

    [both] = cast.bank.reports(cast.bank.line(second, "3807.08"))
    assert cast.accountant.shows("billing", second)["status"] == "paid"
    assert both["unapplied"]["amount"] == "1903.54"
    waiting = cast.accountant.payment(both)
    assert [(gate["name"], gate["owner"]) for gate in waiting["gates"]] == [
        ("unapplied", "role:finance")
    ]
    applied = cast.accountant.allocates(both, first, "1903.54")
    assert (applied["status"], applied["gates"]) == ("allocated", [])
    assert [part["invoice_number"] for part in applied["allocations"]] == [
        second["number"],
        first["number"],
    ]

    account = cast.accountant.settled(contract)
    assert account["recognised"] == contract["totals"]["net"]
    assert sorted(charge["gross"]["amount"] for charge in account["charges"]) == schedule
    left = cast.accountant.payment(over)
    assert left["status"] == "partly_allocated"
    assert [gate["name"] for gate in left["gates"]] == ["unapplied"]
    assert cast.oncall.sees_settled(sale.journey)["settled"]
