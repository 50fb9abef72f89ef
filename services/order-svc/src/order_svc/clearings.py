"""What clears the gates of orders. A hold ends by evidence; what moves goods does not."""

from __future__ import annotations

from uuid import UUID

from chassis.clearing import Clearing
from chassis.transaction import Transaction
from order_svc.commands import fulfil
from order_svc.domain.order import CREDIT, CUSTOMER, DELIVERY, ERP, PREPAYMENT
from order_svc.storage import Orders


async def _release(order_id: UUID, by: str, evidence: str, tx: Transaction) -> None:
    order = await Orders(tx).get(order_id)
    await fulfil.release_order(order, by=by, evidence=evidence, tx=tx)


_CREDIT = Clearing(("releaseCredit",), frozenset({"finance", "admin"}), _release)

CLEARINGS = {
    CUSTOMER: Clearing(("releaseOrder",), frozenset({"order_desk", "admin"}), _release),
    CREDIT: _CREDIT,
    PREPAYMENT: _CREDIT,
    ERP: Clearing(("bookShipment",)),
    DELIVERY: Clearing(("bookDelivery",)),
}
