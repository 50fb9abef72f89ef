"""What order-svc hears: what to deliver, and that it was paid for."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chassis.consumer import Consumer
from chassis.domain import DependencyMissing
from chassis.transaction import Transaction
from contracts.billing import (
    PaymentAllocated,
    PaymentUnallocated,
    PrepaymentConfirmed,
    PrepaymentRefused,
)
from contracts.contract import ContractSigned, ContractTerminated
from order_svc.commands.fulfil import hold_if_unpaid, release_order
from order_svc.commands.place import order_id_of, place_order
from order_svc.commands.prepaid import fulfil_prepaid, hold_refused, note_paid
from order_svc.domain.order import PREPAYMENT, Order
from order_svc.storage import Orders

consumer = Consumer("order-svc")


def of_contract(fact: Any) -> Any:
    return order_id_of(fact.contract_id)


async def _known(contract_id: UUID, tx: Transaction) -> Order:
    order = await Orders(tx).find(order_id_of(contract_id))
    if order is None:
        raise DependencyMissing("order", order_id_of(contract_id))
    return order


@consumer.on(ContractSigned, loads={Orders: of_contract})
async def place(fact: ContractSigned, tx: Transaction) -> None:
    """A signed contract becomes exactly one order."""
    await place_order(fact, tx)


@consumer.on(ContractTerminated, loads={Orders: of_contract})
async def stop(fact: ContractTerminated, tx: Transaction) -> None:
    """What is still open of a terminated contract is cancelled."""
    orders, order = Orders(tx), await _known(fact.contract_id, tx)
    if any(line.open for line in order.lines):
        stopped, facts = order.cancel_rest(reason=fact.reason, by="system:order-svc", at=tx.now)
        await orders.save(stopped)
        for said in facts:
            tx.publish(said)


@consumer.on(PrepaymentConfirmed, loads={Orders: of_contract})
async def deliver_prepaid(fact: PrepaymentConfirmed, tx: Transaction) -> None:
    """Billing-svc has decided that the prepayment counts."""
    order = await _known(fact.contract_id, tx)
    await fulfil_prepaid(order, fact.reference, at=fact.decided_at, tx=tx)


@consumer.on(PrepaymentRefused, loads={Orders: of_contract})
async def hold_unpaid(fact: PrepaymentRefused, tx: Transaction) -> None:
    """Billing-svc has decided that the prepayment does not count."""
    await hold_refused(await _known(fact.contract_id, tx), at=fact.decided_at, tx=tx)


@consumer.on(
    PaymentAllocated,
    loads={Orders: lambda fact: [order_id_of(a.contract_id) for a in fact.allocations]},
)
async def release(fact: PaymentAllocated, tx: Transaction) -> None:
    """A held order moves once nothing is outstanding on its invoice. That may arrive before the
    decision on its prepayment, whose events are of another key: then it waits for the decision."""
    for allocation in fact.allocations:
        order = await _known(allocation.contract_id, tx)
        if not allocation.outstanding.is_zero:
            continue
        if order.held == PREPAYMENT:
            await release_order(order, by="system:billing-svc", evidence=fact.number, tx=tx)
        else:
            await note_paid(order, tx, whole=True)


@consumer.on(
    PaymentUnallocated,
    loads={Orders: lambda fact: [order_id_of(a.contract_id) for a in fact.allocations]},
)
async def stop_unpaid(fact: PaymentUnallocated, tx: Transaction) -> None:
    """The money for a prepaid order was taken back."""
    for allocation in fact.allocations:
        order = await _known(allocation.contract_id, tx)
        await note_paid(order, tx, whole=False)
        await hold_if_unpaid(order, tx)
