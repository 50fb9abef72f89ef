"""The order's lifecycle: its status follows from its lines."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from order_builders import CONTRACT, EVIDENCE, NOW

from chassis.domain import DomainError
from contracts.ids import AccountId, DealId
from contracts.order import OrderFulfilled
from contracts.parties import Account
from contracts.terms import LineQuantity
from order_svc.domain.ledger import Line
from order_svc.domain.order import (
    CREDIT,
    CUSTOMER,
    LIFECYCLE,
    AllDone,
    Held,
    Order,
    Status,
    status_of,
)


def an_order(*lines: Line) -> Order:
    return Order(
        id=UUID(int=6),
        journey_id=UUID(int=7),
        number="O-1",
        contract_id=CONTRACT,
        contract_number="C-1",
        deal_id=DealId(UUID(int=1)),
        account=Account(account_id=AccountId(UUID(int=3)), name="Acme"),
        lines=lines or (Line(line_no=1, sku="HW", name="x", kind="goods", ordered=3),),
        promised_on=date(2026, 12, 1),
        placed_at=NOW,
    )


def some(quantity: int) -> list[LineQuantity]:
    return [LineQuantity(line_no=1, quantity=quantity)]


MOVES = st.lists(
    st.tuples(st.sampled_from(["ship", "deliver", "cancel", "hold", "release"]), st.integers(1, 3)),
    max_size=15,
)


@given(MOVES)
def test_order_lifecycle_allows_exactly_its_table(moves: list[tuple[str, int]]) -> None:
    order, said = an_order(), []
    for move, quantity in moves:
        before = order.status
        try:
            if move == "ship":
                order, fact = order.ship(some(quantity), erp_reference="E", at=NOW, now=NOW)
                said.append(fact)
            elif move == "deliver":
                order, facts = order.deliver(some(quantity), EVIDENCE, at=NOW, now=NOW)
                said += facts
            elif move == "cancel":
                order, facts = order.cancel(some(quantity), reason="x", by="x", at=NOW)
                said += facts
            elif move == "hold":
                order, fact = order.hold(CREDIT, owner="x", at=NOW, due_at=NOW)
            else:
                order, fact = order.release(by="x", at=NOW, evidence="x")
        except DomainError:
            assert order.status is before
            continue
        assert order.status is before or LIFECYCLE.allows(before, order.status)
    done = all(line.done for line in order.lines)
    assert done == LIFECYCLE.is_final(order.status)
    assert len([f for f in said if isinstance(f, OrderFulfilled)]) == done
    assert not (done and order.held)


@pytest.mark.parametrize(
    ("shipped", "delivered", "cancelled", "status"),
    [
        (0, 0, 0, Status.ACKNOWLEDGED),
        (1, 0, 0, Status.IN_PROGRESS),
        (2, 1, 0, Status.PARTIALLY_FULFILLED),
        (2, 2, 1, Status.FULFILLED),
        (0, 0, 3, Status.CANCELLED),
    ],
)
def test_order_status_follows_from_its_lines(
    shipped: int, delivered: int, cancelled: int, status: Status
) -> None:
    line = Line(
        line_no=1, sku="HW", name="x", kind="goods", ordered=3,
        shipped=shipped, delivered=delivered, cancelled=cancelled,
    )  # fmt: skip

    assert status_of([line]) is status


def test_order_on_hold_can_only_be_cancelled() -> None:
    held, _ = an_order().hold(CUSTOMER, owner="x", at=NOW, due_at=NOW)

    with pytest.raises(Held):
        held.ship(some(1), erp_reference=None, at=NOW, now=NOW)
    with pytest.raises(Held):
        held.hold(CREDIT, owner="x", at=NOW, due_at=NOW)
    cancelled, _ = held.cancel(some(3), reason="x", by="x", at=NOW)
    assert (cancelled.status, cancelled.held, cancelled.gates) == (Status.CANCELLED, None, ())
    with pytest.raises(AllDone):
        cancelled.cancel_rest(reason="x", by="x", at=NOW)
    with pytest.raises(AllDone):
        cancelled.hold(CREDIT, owner="x", at=NOW, due_at=NOW)


def test_order_gates_wait_for_erp_and_promised_day() -> None:
    order = an_order().await_fulfilment(at=NOW, erp_within=timedelta(hours=48))

    assert [(g.name, g.owner) for g in order.gates] == [
        ("erp_confirmation", "system:erp"),
        ("delivery", "role:order_desk"),
    ]
    shipped, _ = order.ship(some(3), erp_reference="E", at=NOW, now=NOW)
    assert [g.name for g in shipped.gates] == ["delivery"]


@given(
    ordered=st.integers(1, 12),
    moves=st.lists(
        st.tuples(
            st.sampled_from(["ship", "deliver", "cancel"]),
            st.lists(st.integers(1, 5), min_size=1, max_size=3),
        ),
        max_size=8,
    ),
)
def test_order_of_services_ships_no_more_than_it_delivers(
    ordered: int, moves: list[tuple[str, list[int]]]
) -> None:
    order = an_order(Line(line_no=1, sku="S", name="x", kind="service", ordered=ordered))
    for move, quantities in moves:
        parts = [LineQuantity(line_no=1, quantity=q) for q in quantities]
        [before] = order.lines
        try:
            if move == "ship":
                order, _ = order.ship(parts, erp_reference=None, at=NOW, now=NOW)
            elif move == "cancel":
                order, _ = order.cancel(parts, reason="x", by="x", at=NOW)
            else:
                order, _ = order.deliver(parts, EVIDENCE, at=NOW, now=NOW)
        except DomainError:
            continue
        [after] = order.lines
        if move == "deliver":
            assert after.delivered == before.delivered + sum(quantities)
            assert after.shipped == max(before.shipped, after.delivered)
