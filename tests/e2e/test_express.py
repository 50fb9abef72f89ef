"""The express journey: a web order becomes cash without a person."""

from __future__ import annotations

import pytest

from testkit.actors.all_actors import Actors

pytestmark = pytest.mark.e2e


def test_story_express_web_order_becomes_cash(cast: Actors) -> None:
    answer = cast.web.sends(cast.web.order("LIC-TEAM", paid="2712.00"))
    journey = answer["journey_id"]
    assert answer["outcome"] == "accepted"

    told = cast.oncall.sees_settled(journey)
    assert told["gates"] == []
    assert told["summary"].startswith("Settled")
    said_by = {step["stage"] for step in told["steps"]}
    assert said_by == {"lead", "deal", "quote", "contract", "order", "billing"}
    assert not [step["type"] for step in told["steps"] if ".gate_" in step["type"]]

    ours = {"id": answer["lead_id"]}
    lead = cast.rep.sees("lead", ours, lambda found: found["settled_at"], "the settled lead")
    won = cast.rep.finds("deal", journey, "won")
    deal = cast.rep.sees("deal", won, lambda d: d["outcome"]["settled_at"], "the settled deal")
    quote = cast.rep.finds("quote", journey, "accepted")
    contract = cast.rep.finds("contract", journey, "completed")
    order = cast.desk.finds("order", journey, "fulfilled")
    account = cast.accountant.settled(contract)
    [invoice] = cast.accountant.invoices(contract, 1)

    gross, net = {"amount": "2712.00", "currency": "CNY"}, {"amount": "2400.00", "currency": "CNY"}
    assert lead["status"] == "converted"
    assert lead["deal_number"] == deal["number"]
    assert lead["earned"] == deal["outcome"]["earned"] == net
    assert lead["settled_at"] == deal["outcome"]["settled_at"]
    assert quote["versions"][-1]["totals"]["gross"] == gross
    assert contract["totals"]["gross"] == account["totals"]["gross"] == gross
    assert contract["version_hash"] == quote["versions"][-1]["hash"]
    assert [signature["party"] for signature in contract["signatures"]] == ["customer", "company"]
    assert [line["delivered"] for line in order["lines"]] == [1]
    assert invoice["status"] == "paid"
    assert invoice["totals"]["gross"] == invoice["paid"] == gross
    assert account["recognised"] == net
    assert cast.accountant.ledger(journey) == {
        "clearing:alipay": "2712.00",
        "revenue": "-2400.00",
        "tax_payable": "-312.00",
    }
