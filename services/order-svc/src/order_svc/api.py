"""The doors of order-svc: the order desk's and the ERP's."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from chassis.audit import audit
from chassis.auth import Actor, roles
from chassis.bounds import LineNo
from chassis.http import ApiModel, Revision, TransactionalRoute, Tx, etag, refuse_stale
from chassis.pagination import Cursor, Limit, Page
from chassis.policies import policy_router
from contracts.asked import MOST_PIECES
from contracts.instants import PastInstant
from contracts.references import Reference
from contracts.terms import Evidence, LineQuantity
from order_svc import queries
from order_svc.commands import fulfil
from order_svc.domain.order import CREDIT, CUSTOMER, PREPAYMENT, Held, Order
from order_svc.policies import policies
from order_svc.storage import Orders

DESK = ("order_desk", "admin")

router = APIRouter(route_class=TransactionalRoute, tags=["orders"])
erp = Annotated[Actor, Depends(roles("integration_erp", *DESK))]
desk = Annotated[Actor, Depends(roles(*DESK))]
finance = Annotated[Actor, Depends(roles("finance", "admin"))]
looker = Annotated[
    Actor,
    Depends(
        roles(
            *DESK,
            "integration_erp",
            "sales_rep",
            "sales_manager",
            "account_manager",
            "finance",
            "auditor",
            "ops",
        )
    ),
]


class PartForm(ApiModel):
    line_no: LineNo
    quantity: int = Field(ge=1, le=MOST_PIECES)


class ShipmentForm(ApiModel):
    """Pieces that left the house, and the ERP's own name for it."""

    lines: list[PartForm] = Field(min_length=1, max_length=200)
    erp_reference: Reference = Field(min_length=1, max_length=100)
    shipped_at: PastInstant | None = None


class DeliveryForm(ApiModel):
    """Pieces that reached the customer, and what proves it."""

    lines: list[PartForm] = Field(min_length=1, max_length=200)
    reference: Reference = Field(min_length=1, max_length=200)
    received_by: str = Field(min_length=1, max_length=200)


class CancellationForm(ApiModel):
    lines: list[PartForm] = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=500)


class ReasonForm(ApiModel):
    reason: str = Field(min_length=1, max_length=500)


def _parts(forms: list[PartForm]) -> list[LineQuantity]:
    return [LineQuantity(line_no=f.line_no, quantity=f.quantity) for f in forms]


def _answer(order: Order, tx: Tx, response: Response) -> queries.OrderView:
    revision = tx.revision_of(order.id)
    response.headers["ETag"] = etag(revision)
    values = {**order.model_dump(), "revision": revision, "state": order.status}
    return queries.OrderView.model_validate(values)


@router.get("/orders", operation_id="listOrders")
async def list_orders(
    _: looker,
    tx: Tx,
    status: str | None = None,
    held: str | None = None,
    contract: UUID | None = None,
    journey: UUID | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[queries.OrderView]:
    """Orders, the newest first."""
    return await queries.list_orders(
        tx,
        status=status,
        held=held,
        contract=contract,
        journey=journey,
        awaits_erp=None,
        cursor=cursor,
        limit=limit,
    )


@router.get("/fulfilment-requests", operation_id="listFulfilmentRequests")
async def fulfilment_requests(
    _: erp, tx: Tx, cursor: Cursor = None, limit: Limit = 50
) -> Page[queries.OrderView]:
    """What the ERP is to ship: orders with goods that wait for it."""
    return await queries.list_orders(
        tx,
        status=None,
        held=None,
        contract=None,
        journey=None,
        awaits_erp=True,
        cursor=cursor,
        limit=limit,
    )


@router.get("/orders/{order_id}", operation_id="showOrder")
async def show(_: looker, tx: Tx, order_id: UUID, response: Response) -> queries.OrderView:
    """One order, line by line."""
    order = await queries.show_order(order_id, tx)
    response.headers["ETag"] = etag(order.revision)
    return order


@router.post("/orders/{order_id}/shipments", operation_id="bookShipment")
async def book_shipment(
    _: erp, tx: Tx, order_id: UUID, form: ShipmentForm, response: Response
) -> queries.OrderView:
    """Pieces left the house. The same ERP reference again changes nothing; with other lines it is
    refused."""
    order = await fulfil.ship(order_id, _parts(form.lines), form.erp_reference, form.shipped_at, tx)
    return _answer(order, tx, response)


@router.post("/orders/{order_id}/deliveries", operation_id="bookDelivery")
async def book_delivery(
    actor: erp, tx: Tx, order_id: UUID, form: DeliveryForm, response: Response
) -> queries.OrderView:
    """Pieces reached the customer. The same proof again changes nothing; with other lines it is
    refused."""
    evidence = Evidence(
        by=form.received_by,
        at=tx.now,
        method="erp" if "integration_erp" in actor.roles else "person",
        reference=form.reference,
    )
    order = await fulfil.deliver(order_id, _parts(form.lines), evidence, form.reference, tx)
    return _answer(order, tx, response)


@router.post("/orders/{order_id}/cancellations", operation_id="cancelLines")
async def cancel_lines(
    _: desk, tx: Tx, order_id: UUID, form: CancellationForm, seen: Revision, response: Response
) -> queries.OrderView:
    """Pieces that were not shipped will not be delivered."""
    await Orders(tx).get(order_id)
    refuse_stale(seen, tx, order_id)
    order = await fulfil.cancel(order_id, _parts(form.lines), form.reason, tx)
    return _answer(order, tx, response)


@router.post("/orders/{order_id}/hold", operation_id="holdOrder")
async def hold(
    actor: desk, tx: Tx, order_id: UUID, form: ReasonForm, seen: Revision, response: Response
) -> queries.OrderView:
    """Stop an order until the customer has given what is missing."""
    await Orders(tx).get(order_id)
    refuse_stale(seen, tx, order_id)
    order = await fulfil.hold_order(order_id, CUSTOMER, "party:customer", timedelta(days=7), tx)
    audit(tx, actor, "hold", "order", order.number, reason=form.reason)
    return _answer(order, tx, response)


@router.post("/orders/{order_id}/release", operation_id="releaseOrder")
async def release(
    actor: desk, tx: Tx, order_id: UUID, form: ReasonForm, response: Response
) -> queries.OrderView:
    """The customer has given what was missing."""
    return await _release(actor, tx, order_id, form, response, (CUSTOMER,))


@router.post("/orders/{order_id}/credit-release", operation_id="releaseCredit")
async def release_credit(
    actor: finance, tx: Tx, order_id: UUID, form: ReasonForm, response: Response
) -> queries.OrderView:
    """Finance lets an order go in spite of the credit limit, or before it is paid."""
    return await _release(actor, tx, order_id, form, response, (CREDIT, PREPAYMENT))


async def _release(
    actor: Actor, tx: Tx, order_id: UUID, form: ReasonForm, response: Response, of: tuple[str, ...]
) -> queries.OrderView:
    order = await Orders(tx).get(order_id)
    if order.held not in of:
        raise Held(f"the order is held for {order.held or 'nothing'}, not for {' or '.join(of)}")
    released = await fulfil.release_order(order, by=actor.sub, evidence=form.reason, tx=tx)
    audit(tx, actor, "release", "order", order.number, reason=form.reason)
    return _answer(released, tx, response)


router.include_router(policy_router(policies, readers=DESK, changers=("finance", "admin")))
