"""Orders with a stated prepayment: they move on billing-svc's decision, and on nothing else."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from order_builders import (
    ORDER,
    PREPAYMENT,
    a_confirmation,
    a_priced_line,
    a_refusal,
    a_signature,
    a_take_back,
    an_allocation,
    an_end,
    parts,
)

from contracts.money import Money
from contracts.order import OrderDelivered, OrderHeld, OrderReleased
from testkit.harness import Harness

PATH = f"/orders/{ORDER}"
SERVICE = a_priced_line(1, "service", 1)


def a_prepaid_signature(**changes: Any) -> Any:
    return a_signature("prepaid", prepayment=PREPAYMENT, **changes)


async def gates(order_svc: Harness) -> list[str]:
    rows = await order_svc.rows("SELECT name FROM gate WHERE cleared_at IS NULL ORDER BY name")
    return [name for (name,) in rows]


async def status(order_svc: Harness) -> tuple[str, str | None]:
    [[status, held]] = await order_svc.rows("SELECT status, held FROM sales_order")
    return status, held


async def test_order_with_a_stated_prepayment_moves_nothing_before_the_decision(
    order_svc: Harness,
) -> None:
    await order_svc.receives(a_prepaid_signature(), times=2)
    assert await order_svc.said() == ["ltc.order.placed.v1"]
    shipment = {"lines": parts((1, 1)), "erp_reference": "E-1"}
    delivery = {"lines": parts((2, 1)), "reference": "D-1", "received_by": "x"}
    async with order_svc.client("order_desk") as desk:
        requests = (await desk.get("/fulfilment-requests")).json()["items"]
        answers = [
            await desk.post(f"{PATH}/shipments", json=shipment),
            await desk.post(f"{PATH}/deliveries", json=delivery),
        ]
        shown = (await desk.get(PATH)).json()

    assert requests == []
    assert shown["prepayment_pending"] is True
    for answer in answers:
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:ltc:problem:held")
        assert "billing-svc has not decided" in answer.json()["detail"]
    assert await order_svc.said() == ["ltc.order.placed.v1"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("lines", [(SERVICE,), (a_priced_line(1, "goods", 2), SERVICE)])
async def test_order_is_delivered_by_a_confirmed_prepayment_in_any_order_of_events(
    order_svc: Harness, order: tuple[int, ...], lines: Any
) -> None:
    numbered = tuple(x.model_copy(update={"line_no": n}) for n, x in enumerate(lines, 1))
    events = [a_prepaid_signature(lines=numbered), a_confirmation(), an_allocation()]
    for place in order:
        await order_svc.receives(events[place], times=2)
        await order_svc.retry_parked()

    [delivered] = await order_svc.published(OrderDelivered)
    assert [part.line_no for part in delivered.lines] == [len(lines)]
    assert delivered.evidence.method == "policy"
    assert await order_svc.published(OrderHeld) == []
    assert await order_svc.rows("SELECT count(*) FROM parked_message") == [(0,)]
    assert await gates(order_svc) == (["delivery", "erp_confirmation"] if len(lines) > 1 else [])


async def test_order_with_a_refused_prepayment_waits_for_the_customer_to_pay(
    order_svc: Harness,
) -> None:
    await order_svc.receives(a_prepaid_signature())
    await order_svc.receives(a_refusal(), times=2)
    assert await order_svc.rows("SELECT name, owner FROM gate") == [
        ("prepayment", "party:customer")
    ]
    assert await status(order_svc) == ("acknowledged", "prepayment")

    await order_svc.receives(an_allocation(), times=2)
    assert len(await order_svc.published(OrderReleased)) == 1
    assert await order_svc.published(OrderDelivered) == []
    assert await gates(order_svc) == ["delivery", "erp_confirmation"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_order_that_was_paid_after_a_refusal_is_not_held_in_the_end(
    order_svc: Harness, order: tuple[int, ...]
) -> None:
    events = [a_prepaid_signature(), a_refusal(), an_allocation()]
    for place in order:
        await order_svc.receives(events[place])
        await order_svc.retry_parked()

    assert (await status(order_svc))[1] is None
    assert "prepayment" not in await gates(order_svc)


@pytest.mark.parametrize("decision", [a_confirmation(), a_refusal()])
async def test_order_paid_before_the_decision_is_delivered_by_the_decision(
    order_svc: Harness, decision: Any
) -> None:
    """The same event moves it whatever arrives first, so that a replay publishes the same."""
    signed = a_prepaid_signature(lines=(SERVICE,))
    await order_svc.receives(signed, an_allocation())
    assert await order_svc.published(OrderDelivered) == []
    await order_svc.receives(decision)

    [delivered] = await order_svc.published(OrderDelivered)
    assert delivered.evidence.at == decision.decided_at
    assert await order_svc.published(OrderHeld) == []


async def test_order_is_held_again_when_its_money_is_taken_back(order_svc: Harness) -> None:
    await order_svc.receives(a_prepaid_signature(), an_allocation(), a_take_back())
    await order_svc.receives(a_confirmation())

    assert (await status(order_svc))[1] == "prepayment"
    assert "prepayment" in await gates(order_svc)


async def test_order_of_zero_is_not_held_by_a_refusal(order_svc: Harness) -> None:
    await order_svc.receives(a_prepaid_signature(gross=Money.zero("CNY")), a_refusal())

    assert await order_svc.published(OrderHeld) == []


@pytest.mark.parametrize("decision", [a_confirmation(), a_refusal()])
async def test_order_that_ended_before_the_decision_stays_so(
    order_svc: Harness, decision: Any
) -> None:
    await order_svc.receives(a_prepaid_signature(), an_end())
    before = await order_svc.said()
    await order_svc.receives(decision)

    assert await order_svc.said() == before
    assert await gates(order_svc) == []


@pytest.mark.parametrize("decision", [a_confirmation(), a_refusal()])
async def test_order_that_an_older_version_placed_ignores_the_decision(
    order_svc: Harness, decision: Any
) -> None:
    await order_svc.receives(a_signature())
    before = await order_svc.said()
    await order_svc.execute("UPDATE sales_order SET body = body - 'prepayment_pending'")
    await order_svc.receives(decision)

    assert await order_svc.said() == before


async def test_order_policy_may_keep_prepaid_services_for_the_desk(order_svc: Harness) -> None:
    async with order_svc.client("finance") as finance:
        shown = await finance.get("/policies/fulfilment")
        rules = {**shown.json()["rules"], "deliver_confirmed_prepayments": False}
        seen = {"If-Match": shown.headers["ETag"]}
        form = {"rules": rules, "reason": "the desk delivers"}
        changed = await finance.put("/policies/fulfilment", json=form, headers=seen)
    assert changed.is_success, changed.text
    await order_svc.receives(a_prepaid_signature(), a_confirmation())

    assert await order_svc.published(OrderDelivered) == []
    assert await gates(order_svc) == ["delivery", "erp_confirmation"]
