"""From a signed contract to an order on its way, or delivered at once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from chassis.transaction import Transaction
from contracts.contract import ContractSigned
from contracts.ids import derived_id
from contracts.order import OrderPlaced
from contracts.terms import Evidence, ImportedOutcome, LineQuantity
from order_svc.domain.ledger import Line
from order_svc.domain.order import CREDIT, PREPAYMENT, Order
from order_svc.policies import Fulfilment, policies
from order_svc.storage import Orders


def order_id_of(contract_id: UUID) -> UUID:
    """A contract has one order."""
    return derived_id(contract_id, "order")


async def place_order(fact: ContractSigned, tx: Transaction) -> None:
    """Place it, and hold it for money or credit. An order with a stated prepayment waits for
    billing-svc's decision; that of a moved deal was delivered."""
    orders = Orders(tx)
    order_id = order_id_of(fact.contract_id)
    if await orders.find(order_id) is not None:
        return
    rules = (await policies.get(tx, "fulfilment", Fulfilment)).rules
    prepaid = fact.payment_terms.kind == "prepaid"
    order = Order(
        id=order_id,
        journey_id=tx.journey_id,
        number=await tx.number("O"),
        contract_id=fact.contract_id,
        contract_number=fact.number,
        deal_id=fact.deal_id,
        account=fact.account,
        owner=fact.owner,
        lines=tuple(
            Line(line_no=x.line_no, sku=x.sku, name=x.name, kind=x.kind, ordered=x.quantity)
            for x in fact.lines
        ),
        prepaid=prepaid and not fact.totals.gross.is_zero,
        prepayment_pending=prepaid and fact.prepayment is not None and fact.imported is None,
        promised_on=(fact.signed_at + timedelta(days=rules.promise_days)).date(),
        placed_at=fact.signed_at,
    )
    placed = order.placed()
    if fact.imported is not None:
        await _deliver_recorded(order, placed, fact.imported, tx)
        return
    await orders.save(order)
    tx.publish(placed)
    if order.prepayment_pending:
        return
    if order.prepaid:
        due_at = tx.now + timedelta(days=rules.prepayment_within_days)
        order, held = order.hold(PREPAYMENT, owner="party:customer", at=tx.now, due_at=due_at)
    elif Decimal(fact.totals.gross.amount) > rules.credit_limit:
        due_at = tx.now + timedelta(days=2)
        order, held = order.hold(CREDIT, owner="role:finance", at=tx.now, due_at=due_at)
    else:
        within = timedelta(hours=rules.erp_within_hours)
        await orders.save(order.await_fulfilment(at=tx.now, erp_within=within))
        return
    await orders.save(order)
    tx.publish(held)


async def _deliver_recorded(
    order: Order, placed: OrderPlaced, record: ImportedOutcome, tx: Transaction
) -> None:
    """The order of a moved deal was delivered, by the record of the other system."""
    orders, at = Orders(tx), record.closed_at
    evidence = Evidence(
        by=f"import:{record.source_system}",
        at=at,
        method="imported_record",
        reference=record.external_id,
    )
    parts = [LineQuantity(line_no=x.line_no, quantity=x.ordered) for x in order.lines]
    goods = [p for p, x in zip(parts, order.lines, strict=True) if x.kind == "goods"]
    if goods:
        order, _ = order.ship(goods, erp_reference=record.external_id, at=at, now=tx.now)
    order, facts = order.deliver(parts, evidence, at=at, now=tx.now)
    await orders.save(order)
    tx.publish(placed)
    for fact in facts:
        tx.publish(fact)
