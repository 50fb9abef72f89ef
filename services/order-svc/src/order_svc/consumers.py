"""What order-svc hears: what to deliver, and that it was paid for."""

from __future__ import annotations

from typing import Any

from chassis.consumer import Consumer
from chassis.domain import DependencyMissing
from chassis.transaction import Transaction
from contracts.billing import PaymentAllocated, PaymentUnallocated
from contracts.contract import ContractSigned, ContractTerminated
from order_svc.commands.fulfil import hold_if_unpaid, release_order
from order_svc.commands.place import order_id_of, place_order
from order_svc.domain.order import PREPAYMENT
from order_svc.storage import Orders

consumer = Consumer("order-svc")


def of_contract(fact: Any) -> Any:
    return order_id_of(fact.contract_id)


@consumer.on(ContractSigned, loads={Orders: of_contract})
async def place(fact: ContractSigned, tx: Transaction) -> None:
    """A signed contract becomes exactly one order."""
    await place_order(fact, tx)


@consumer.on(ContractTerminated, loads={Orders: of_contract})
async def stop(fact: ContractTerminated, tx: Transaction) -> None:
    """What is still open of a terminated contract is cancelled."""
    orders = Orders(tx)
    order = await orders.find(order_id_of(fact.contract_id))
    if order is None:
        raise DependencyMissing("order", order_id_of(fact.contract_id))
    if any(line.open for line in order.lines):
        stopped, facts = order.cancel_rest(reason=fact.reason, by="system:order-svc", at=tx.now)
        await orders.save(stopped)
        for said in facts:
            tx.publish(said)


@consumer.on(
    PaymentAllocated,
    loads={Orders: lambda fact: [order_id_of(a.contract_id) for a in fact.allocations]},
)
async def release(fact: PaymentAllocated, tx: Transaction) -> None:
    """A prepaid order moves once nothing is outstanding on its invoice."""
    for allocation in fact.allocations:
        order = await Orders(tx).find(order_id_of(allocation.contract_id))
        if order is None:
            raise DependencyMissing("order", order_id_of(allocation.contract_id))
        if order.held == PREPAYMENT and allocation.outstanding.is_zero:
            await release_order(order, by="system:billing-svc", evidence=fact.number, tx=tx)


@consumer.on(
    PaymentUnallocated,
    loads={Orders: lambda fact: [order_id_of(a.contract_id) for a in fact.allocations]},
)
async def stop_unpaid(fact: PaymentUnallocated, tx: Transaction) -> None:
    """The money for a prepaid order was taken back."""
    for allocation in fact.allocations:
        order = await Orders(tx).find(order_id_of(allocation.contract_id))
        if order is None:
            raise DependencyMissing("order", order_id_of(allocation.contract_id))
        await hold_if_unpaid(order, tx)
