"""What order-svc says."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from pydantic import AwareDatetime, Field

from contracts.event import Event
from contracts.ids import ContractId, DealId, OrderId
from contracts.known import known
from contracts.parties import Account
from contracts.terms import Evidence, LineProgress, LineQuantity


class OrderFact(Event):
    topic: ClassVar[str] = "ltc.order.v1"
    key: ClassVar[str] = "order_id"

    order_id: OrderId
    number: str
    contract_id: ContractId
    deal_id: DealId


class OrderPlaced(OrderFact):
    """What the contract promises is to be delivered, by these dates."""

    name: ClassVar[str] = "ltc.order.placed.v1"

    account: Account
    progress: tuple[LineProgress, ...]
    promised_on: date
    placed_at: AwareDatetime


class OrderHeld(OrderFact):
    """Nothing moves until the reason is gone."""

    name: ClassVar[str] = "ltc.order.held.v1"

    reason: str = Field(json_schema_extra=known("credit", "prepayment", "customer"))
    """credit, prepayment, customer."""
    held_at: AwareDatetime


class OrderReleased(OrderFact):
    """The reason for holding is gone."""

    name: ClassVar[str] = "ltc.order.released.v1"

    reason: str
    released_by: str
    released_at: AwareDatetime


class OrderShipped(OrderFact):
    """Goods left the house."""

    name: ClassVar[str] = "ltc.order.shipped.v1"

    lines: tuple[LineQuantity, ...]
    progress: tuple[LineProgress, ...]
    erp_reference: str | None
    shipped_at: AwareDatetime


class OrderDelivered(OrderFact):
    """The customer has these pieces, on this evidence."""

    name: ClassVar[str] = "ltc.order.delivered.v1"

    lines: tuple[LineQuantity, ...]
    progress: tuple[LineProgress, ...]
    evidence: Evidence
    delivered_at: AwareDatetime


class OrderCancelled(OrderFact):
    """These pieces will not be delivered; before they were shipped."""

    name: ClassVar[str] = "ltc.order.cancelled.v1"

    lines: tuple[LineQuantity, ...]
    progress: tuple[LineProgress, ...]
    reason: str
    cancelled_by: str
    cancelled_at: AwareDatetime


class OrderFulfilled(OrderFact):
    """Every line is delivered or cancelled."""

    name: ClassVar[str] = "ltc.order.fulfilled.v1"

    progress: tuple[LineProgress, ...]
    fulfilled_at: AwareDatetime
