"""Orders whose customer states a prepayment: they go on, or wait, as billing-svc decides."""

from __future__ import annotations

from datetime import datetime, timedelta

from chassis.transaction import Transaction
from contracts.terms import Evidence, LineQuantity
from order_svc.commands.fulfil import hold_order
from order_svc.domain.order import PREPAYMENT, Order
from order_svc.policies import Fulfilment, policies
from order_svc.storage import Orders


async def fulfil_prepaid(order: Order, reference: str, *, at: datetime, tx: Transaction) -> None:
    """The money is there: services and digital goods go out at once if the policy says so, the rest
    goes on to the ERP. Nothing happens to an order that was decided before; one whose money was
    taken back meanwhile waits."""
    if not order.prepayment_pending:
        return
    if order.paid_undecided is False:
        await _hold(order, tx)
        return
    ruling = await policies.get(tx, "fulfilment", Fulfilment)
    orders = Orders(tx)
    order = await orders.save(order.decided())
    parts = [
        LineQuantity(line_no=line.line_no, quantity=line.ordered - line.delivered - line.cancelled)
        for line in order.lines
        if line.kind != "goods" and not line.done
    ]
    if parts and ruling.rules.deliver_confirmed_prepayments:
        evidence = Evidence(
            by="system:order-svc", at=at, method="policy", reference=f"{ruling.cite} {reference}"
        )
        order, events = order.deliver(parts, evidence, at=at, now=tx.now)
        await orders.save(order)
        for event in events:
            tx.publish(event)
    within = timedelta(hours=ruling.rules.erp_within_hours)
    await orders.save(order.await_fulfilment(at=tx.now, erp_within=within))


async def note_paid(order: Order, tx: Transaction, *, whole: bool) -> None:
    """Keep for the decision that the invoice is paid, or not any more. The decision alone moves the
    order: events of other keys arrive in any order, and a replay must publish the same."""
    if order.prepayment_pending and order.paid_undecided != whole:
        await Orders(tx).save(order.paid(whole=whole))


async def hold_refused(order: Order, *, at: datetime, tx: Transaction) -> None:
    """The prepayment does not count: the customer has to pay, or has paid otherwise meanwhile.
    Nothing happens to an order that was decided before, or of which nothing is left."""
    if not order.prepayment_pending:
        return
    if order.paid_undecided:
        await fulfil_prepaid(order, "paid by another payment", at=at, tx=tx)
        return
    await _hold(order, tx)


async def _hold(order: Order, tx: Transaction) -> None:
    order = await Orders(tx).save(order.decided())
    if order.prepaid and not all(line.done for line in order.lines):
        ruling = await policies.get(tx, "fulfilment", Fulfilment)
        within = timedelta(days=ruling.rules.prepayment_within_days)
        await hold_order(order.id, PREPAYMENT, "party:customer", within, tx)
