"""Moving pieces: release, ship, deliver, cancel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from chassis.transaction import Transaction
from contracts.terms import Evidence, LineQuantity
from order_svc.domain.order import PREPAYMENT, Order
from order_svc.domain.report import report_of
from order_svc.policies import Fulfilment, policies
from order_svc.storage import Orders


async def release_order(order: Order, *, by: str, evidence: str, tx: Transaction) -> Order:
    orders = Orders(tx)
    ruling = await policies.get(tx, "fulfilment", Fulfilment)
    released, fact = order.release(by=by, at=tx.now, evidence=evidence)
    await orders.save(released)
    tx.publish(fact)
    within = timedelta(hours=ruling.rules.erp_within_hours)
    return await orders.save(released.await_fulfilment(at=tx.now, erp_within=within))


async def hold_order(
    order_id: UUID, reason: str, owner: str, within: timedelta, tx: Transaction
) -> Order:
    orders = Orders(tx)
    order = await orders.get(order_id)
    held, fact = order.hold(reason, owner=owner, at=tx.now, due_at=tx.now + within)
    await orders.save(held)
    tx.publish(fact)
    return held


async def hold_if_unpaid(order: Order, tx: Transaction) -> None:
    """The money for a prepaid order was taken back: what has not left the house stays in it."""
    waits = order.held is not None or order.prepayment_pending
    if order.prepaid and not waits and any(line.open for line in order.lines):
        ruling = await policies.get(tx, "fulfilment", Fulfilment)
        within = timedelta(days=ruling.rules.prepayment_within_days)
        await hold_order(order.id, PREPAYMENT, "party:customer", within, tx)


async def ship(
    order_id: UUID,
    parts: Sequence[LineQuantity],
    erp_reference: str,
    at: datetime | None,
    tx: Transaction,
) -> Order:
    """Book a shipment; the ERP's own reference keeps one from being booked twice."""
    orders = Orders(tx)
    order = await orders.get(order_id)
    report = report_of("shipment", erp_reference, parts)
    if order.is_known(report):
        return order
    shipped, fact = order.ship(parts, erp_reference=erp_reference, at=at or tx.now, now=tx.now)
    shipped = await orders.save(shipped.note(report))
    tx.publish(fact)
    return shipped


async def deliver(
    order_id: UUID,
    parts: Sequence[LineQuantity],
    evidence: Evidence,
    reference: str,
    tx: Transaction,
) -> Order:
    """Book a delivery; the reference of its proof keeps one from being booked twice."""
    orders = Orders(tx)
    order = await orders.get(order_id)
    report = report_of("delivery", reference, parts)
    if order.is_known(report):
        return order
    order, facts = order.deliver(parts, evidence, at=evidence.at, now=tx.now)
    order = await orders.save(order.note(report))
    for fact in facts:
        tx.publish(fact)
    return order


async def cancel(
    order_id: UUID, parts: Sequence[LineQuantity], reason: str, tx: Transaction
) -> Order:
    orders = Orders(tx)
    order, facts = (await orders.get(order_id)).cancel(
        parts, reason=reason, by=tx.actor.sub, at=tx.now
    )
    await orders.save(order)
    for fact in facts:
        tx.publish(fact)
    return order
