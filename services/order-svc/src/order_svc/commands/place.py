"""From a signed contract to an order on its way, or delivered at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from chassis.transaction import Transaction
from contracts.contract import ContractSigned
from contracts.ids import derived_id
from contracts.terms import Evidence, LineQuantity
from order_svc.domain.ledger import Line
from order_svc.domain.order import CREDIT, PREPAYMENT, Order
from order_svc.policies import Fulfilment, policies
from order_svc.storage import Orders


def order_id_of(contract_id: UUID) -> UUID:
    """A contract has one order."""
    return derived_id(contract_id, "order")


async def place_order(fact: ContractSigned, tx: Transaction) -> None:
    """Place it, hold it for money or credit, or deliver what a policy lets go at once."""
    orders = Orders(tx)
    order_id = order_id_of(fact.contract_id)
    if await orders.find(order_id) is not None:
        return
    ruling = await policies.get(tx, "fulfilment", Fulfilment)
    rules = ruling.rules
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
        prepaid=fact.payment_terms.kind == "prepaid"
        and fact.prepayment is None
        and not fact.totals.gross.is_zero,
        promised_on=(fact.signed_at + timedelta(days=rules.promise_days)).date(),
        placed_at=fact.signed_at,
    )
    placed = order.placed()
    evidence = _delivered_already(fact, rules, ruling.cite)
    if evidence is not None:
        await _deliver_at_once(order, placed, evidence, fact.signed_at, tx, rules)
        return
    await orders.save(order)
    tx.publish(placed)
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


def _delivered_already(fact: ContractSigned, rules: Fulfilment, cite: str) -> Evidence | None:
    """Why pieces count as delivered with the signature: the record of a moved deal, or a policy
    that lets services and digital goods go out on a confirmed prepayment."""
    record = fact.imported
    if record is not None:
        return Evidence(
            by=f"import:{record.source_system}",
            at=record.closed_at,
            method="imported_record",
            reference=record.external_id,
        )
    if fact.prepayment is not None and rules.deliver_confirmed_prepayments:
        return Evidence(
            by="system:order-svc",
            at=fact.signed_at,
            method="policy",
            reference=f"{cite} {fact.prepayment.reference}",
        )
    return None


async def _deliver_at_once(
    order: Order,
    placed: object,
    evidence: Evidence,
    at: datetime,
    tx: Transaction,
    rules: Fulfilment,
) -> None:
    orders = Orders(tx)
    recorded = evidence.method == "imported_record"
    parts = [
        LineQuantity(line_no=x.line_no, quantity=x.ordered)
        for x in order.lines
        if recorded or x.kind != "goods"
    ]
    if recorded:
        goods = [p for p, x in zip(parts, order.lines, strict=True) if x.kind == "goods"]
        if goods:
            order, _ = order.ship(goods, erp_reference=evidence.reference, at=at, now=tx.now)
    facts: list[object] = [placed]
    if parts:
        order, delivered = order.deliver(parts, evidence, at=at, now=tx.now)
        facts += delivered
    await orders.save(order)
    for fact in facts:
        tx.publish(fact)  # type: ignore[arg-type]
    if not all(line.done for line in order.lines):
        within = timedelta(hours=rules.erp_within_hours)
        await orders.save(order.await_fulfilment(at=tx.now, erp_within=within))
