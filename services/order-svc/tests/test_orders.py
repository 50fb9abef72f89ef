"""Orders on real PostgreSQL: consumed events in any order, API and gates."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from order_builders import (
    ORDER,
    a_signature,
    a_take_back,
    an_allocation,
    an_end,
    parts,
)
from sqlalchemy.exc import DBAPIError

from chassis.gates import sweep_overdue
from contracts.money import Money
from contracts.order import OrderCancelled, OrderHeld, OrderReleased, OrderShipped
from order_svc.storage import Orders
from testkit.harness import Harness

PATH = f"/orders/{ORDER}"
SHIPMENT = {"lines": parts((1, 5)), "erp_reference": "E-1"}
DELIVERY = {"lines": parts((1, 5), (2, 1)), "reference": "DN-1", "received_by": "仓库"}


def kinds(said: list[str]) -> list[str]:
    return [name.removeprefix("ltc.order.").removesuffix(".v1") for name in said]


async def gates(order_svc: Harness) -> list[str]:
    rows = await order_svc.rows("SELECT name FROM gate WHERE cleared_at IS NULL ORDER BY name")
    return [name for (name,) in rows]


async def seen(client: Any) -> dict[str, str]:
    return {"If-Match": (await client.get(PATH)).headers["ETag"]}


async def test_order_is_placed_once_for_a_redelivered_signature(
    order_svc: Harness,
) -> None:
    await order_svc.receives(a_signature(), times=3)

    assert kinds(await order_svc.said()) == ["placed", "gate_opened", "gate_opened"]
    assert await gates(order_svc) == ["delivery", "erp_confirmation"]


async def test_order_is_fulfilled_after_goods_and_services_are_delivered(
    order_svc: Harness,
) -> None:
    await order_svc.receives(a_signature())
    async with order_svc.client("integration_erp") as erp:
        asked = (await erp.get("/fulfilment-requests")).json()["items"]
        shipped = [await erp.post(f"{PATH}/shipments", json=SHIPMENT) for _ in range(2)]
        delivered = await erp.post(f"{PATH}/deliveries", json=DELIVERY)
        other = {**DELIVERY, "reference": "DN-2"}
        again = await erp.post(f"{PATH}/deliveries", json=other)
        left = (await erp.get("/fulfilment-requests")).json()["items"]

    assert ([order["id"] for order in asked], left) == ([str(ORDER)], [])
    assert [answer.status_code for answer in shipped] == [200, 200]
    assert len(await order_svc.published(OrderShipped)) == 1
    assert delivered.json()["state"] == "fulfilled"
    assert (again.status_code, again.json()["type"]) == (409, "urn:ltc:problem:all-done")
    assert kinds(await order_svc.said()).count("fulfilled") == 1
    assert await gates(order_svc) == []


async def test_order_delivery_with_one_idempotency_key_is_booked_once(order_svc: Harness) -> None:
    await order_svc.receives(a_signature())
    form = {**DELIVERY, "lines": parts((2, 1))}
    async with order_svc.client("order_desk") as desk:
        answers = [
            await desk.post(f"{PATH}/deliveries", json=form, headers={"Idempotency-Key": "k"})
            for _ in range(2)
        ]

    assert [a.status_code for a in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert kinds(await order_svc.said()).count("delivered") == 1


async def test_order_prepaid_is_held_until_paid_and_again_after_a_return(
    order_svc: Harness,
) -> None:
    await order_svc.receives(a_signature("prepaid"))
    assert [f.reason for f in await order_svc.published(OrderHeld)] == ["prepayment"]
    async with order_svc.client("integration_erp") as erp:
        refused = await erp.post(f"{PATH}/shipments", json=SHIPMENT)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:ltc:problem:held")

    await order_svc.receives(an_allocation(outstanding=1))
    assert await order_svc.published(OrderReleased) == []
    await order_svc.receives(an_allocation(), times=2)
    assert len(await order_svc.published(OrderReleased)) == 1

    await order_svc.receives(a_take_back(), times=2)
    assert len(await order_svc.published(OrderHeld)) == 2
    assert "prepayment" in await gates(order_svc)


async def test_order_of_zero_is_not_held_for_its_prepayment(order_svc: Harness) -> None:
    await order_svc.receives(a_signature("prepaid", gross=Money.zero("CNY")))

    assert await order_svc.published(OrderHeld) == []
    assert await gates(order_svc) == ["delivery", "erp_confirmation"]


async def test_order_shipped_or_on_credit_is_not_held_by_a_returned_payment(
    order_svc: Harness,
) -> None:
    await order_svc.receives(a_signature())
    await order_svc.receives(a_take_back())

    assert await order_svc.published(OrderHeld) == []


async def test_order_events_wait_until_their_order_exists(order_svc: Harness) -> None:
    await order_svc.receives(an_allocation())
    assert await order_svc.said() == []

    await order_svc.receives(a_signature("prepaid"))
    await order_svc.retry_parked()
    assert len(await order_svc.published(OrderReleased)) == 1
    await order_svc.receives(an_end(), times=2)

    assert len(await order_svc.published(OrderCancelled)) == 1
    assert await order_svc.rows("SELECT count(*) FROM parked_message") == [(0,)]
    assert await gates(order_svc) == []


async def test_order_above_the_credit_limit_waits_for_finance(order_svc: Harness) -> None:
    await order_svc.receives(a_signature(gross=Money(5_000_001_00, "CNY")))
    assert await gates(order_svc) == ["credit"]
    form = {"reason": "good customer"}
    async with order_svc.client("order_desk") as desk, order_svc.client("finance") as finance:
        not_theirs = await desk.post(f"{PATH}/credit-release", json=form)
        other = await desk.post(f"{PATH}/release", json=form)
        done = await finance.post(f"{PATH}/credit-release", json=form)
        again = await finance.post(f"{PATH}/credit-release", json=form)

    assert (not_theirs.status_code, other.status_code) == (403, 409)
    assert (done.status_code, again.status_code) == (200, 409)
    assert await gates(order_svc) == ["delivery", "erp_confirmation"]
    audited = await order_svc.rows("SELECT action, reason FROM audit")
    assert audited == [("release", "good customer")]


async def test_order_is_held_and_released_by_the_order_desk(
    order_svc: Harness,
) -> None:
    await order_svc.receives(a_signature())
    async with order_svc.client("order_desk") as desk:
        form = {"reason": "no address"}
        blind = await desk.post(f"{PATH}/hold", json=form)
        held = await desk.post(f"{PATH}/hold", json=form, headers=await seen(desk))
        twice = await desk.post(f"{PATH}/hold", json=form, headers=await seen(desk))
        released = await desk.post(f"{PATH}/release", json={"reason": "address given"})

    assert (blind.status_code, twice.status_code) == (428, 409)
    assert (held.json()["held"], released.json()["held"]) == ("customer", None)
    assert [f.reason for f in await order_svc.published(OrderReleased)] == ["customer"]


async def test_order_lines_are_cancelled_before_shipment_only(order_svc: Harness) -> None:
    await order_svc.receives(a_signature())
    async with order_svc.client("order_desk") as desk:
        form = {"lines": parts((1, 2)), "reason": "too many"}
        blind = await desk.post(f"{PATH}/cancellations", json=form)
        stale = await desk.post(f"{PATH}/cancellations", json=form, headers={"If-Match": '"v99"'})
        done = await desk.post(f"{PATH}/cancellations", json=form, headers=await seen(desk))
        await desk.post(f"{PATH}/shipments", json={**SHIPMENT, "lines": parts((1, 3))})
        late = await desk.post(f"{PATH}/cancellations", json=form, headers=await seen(desk))

    assert (blind.status_code, stale.status_code, done.status_code) == (428, 412, 200)
    assert (late.status_code, late.json()["type"]) == (422, "urn:ltc:problem:too-many")
    [cancelled] = await order_svc.published(OrderCancelled)
    assert [p.cancelled for p in cancelled.progress] == [2, 0]


async def test_order_promise_overdue_is_published_once(order_svc: Harness) -> None:
    await order_svc.receives(a_signature())
    await order_svc.execute(
        "UPDATE sales_order SET body = jsonb_set(body, '{gates}',"
        " (SELECT jsonb_agg(g || $1::text::jsonb) FROM jsonb_array_elements(body->'gates') g))",
        '{"due_at": "2026-01-01T00:00:00Z"}',
    )
    await order_svc.execute("UPDATE gate SET due_at = '2026-01-01'")
    marked = [await sweep_overdue(order_svc.database, {"sales_order": Orders}) for _ in range(2)]

    assert marked == [2, 0]
    assert kinds(await order_svc.said())[-2:] == ["gate_overdue", "gate_overdue"]


@pytest.mark.parametrize(
    ("role", "path", "form"),
    [
        ("sales_rep", "shipments", SHIPMENT),
        ("finance", "deliveries", DELIVERY),
        ("integration_erp", "cancellations", {"lines": parts((1, 1)), "reason": "x"}),
        ("sales_manager", "hold", {"reason": "x"}),
        ("integration_erp", "credit-release", {"reason": "x"}),
    ],
)
async def test_order_routes_refuse_other_roles(
    order_svc: Harness, role: str, path: str, form: dict[str, Any]
) -> None:
    await order_svc.receives(a_signature())
    before = await order_svc.said()
    async with order_svc.client(role) as client, order_svc.client() as nobody:
        forbidden = await client.post(f"{PATH}/{path}", json=form)
        unknown = await nobody.post(f"{PATH}/{path}", json=form)

    for answer, status in ((forbidden, 403), (unknown, 401)):
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
    assert await order_svc.said() == before


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({**SHIPMENT, "lines": parts((9, 1))}, 422),
        ({**SHIPMENT, "lines": parts((1, 6))}, 422),
        ({**SHIPMENT, "lines": parts((1, 0))}, 422),
        ({**SHIPMENT, "lines": []}, 422),
        ({**SHIPMENT, "surprise": 1}, 422),
        ({"lines": parts((1, 1))}, 422),
    ],
)
async def test_order_shipment_that_is_impossible_is_refused(
    order_svc: Harness, form: dict[str, Any], status: int
) -> None:
    await order_svc.receives(a_signature())
    async with order_svc.client("integration_erp") as erp:
        answer = await erp.post(f"{PATH}/shipments", json=form)
        missing = await erp.post(f"/orders/{uuid4()}/shipments", json=SHIPMENT)

    assert (answer.status_code, missing.status_code) == (status, 404)
    assert answer.json()["status"] == status
    assert await order_svc.published(OrderShipped) == []


async def test_order_list_is_paged_and_shows_revisions(
    order_svc: Harness,
) -> None:
    contracts = [uuid4() for _ in range(5)]
    await order_svc.receives(*(a_signature(contract_id=c) for c in contracts))
    async with order_svc.client("auditor") as auditor:
        found, cursor = [], {}
        while cursor is not None:
            page = (await auditor.get("/orders", params={"limit": 2, **cursor})).json()
            found += [order["contract_id"] for order in page["items"]]
            cursor = {"cursor": page["next"]} if page["next"] else None
        held = (await auditor.get("/orders", params={"held": "credit"})).json()["items"]
        one = await auditor.get("/orders", params={"contract": str(contracts[0])})
        nothing = await auditor.get(f"/orders/{uuid4()}")

    assert sorted(found) == sorted(map(str, contracts))
    assert (held, len(one.json()["items"]), nothing.status_code) == ([], 1, 404)


@pytest.mark.parametrize("statement", ["UPDATE audit SET reason = ''", "DELETE FROM audit"])
async def test_order_audit_rows_are_never_changed(order_svc: Harness, statement: str) -> None:
    await order_svc.receives(a_signature(gross=Money(5_000_001_00, "CNY")))
    async with order_svc.client("finance") as finance:
        await finance.post(f"{PATH}/credit-release", json={"reason": "x"})

    with pytest.raises(DBAPIError, match="never changed"):
        await order_svc.execute(statement)
