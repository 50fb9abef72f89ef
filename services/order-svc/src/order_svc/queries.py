"""Orders as the order desk and the ERP look at them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlmodel import select

from chassis import sight
from chassis.pagination import Page, next_cursor, page_of
from chassis.tables import table_of
from chassis.transaction import Transaction
from order_svc.domain.order import Order, Status
from order_svc.storage import OrderRow


class OrderView(Order, frozen=True):
    """An order, with its computed status and the revision that updates must name."""

    revision: int
    state: Status


def view(row: Any) -> OrderView:
    values = {**row.body, "revision": row.revision, "state": row.status}
    return OrderView.model_validate(values)


async def show_order(order_id: UUID, tx: Transaction) -> OrderView:
    return view(await sight.one(tx, OrderRow, order_id, "order"))


async def list_orders(
    tx: Transaction,
    *,
    status: str | None,
    held: str | None,
    contract: UUID | None,
    journey: UUID | None,
    awaits_erp: bool | None,
    cursor: str | None,
    limit: int,
) -> Page[OrderView]:
    table = table_of(OrderRow)
    query = sight.narrow(select(OrderRow), OrderRow, tx.actor)
    for column, value in (
        (table.c.status, status),
        (table.c.held, held),
        (table.c.contract_id, contract),
        (table.c.journey_id, journey),
        (table.c.awaits_erp, awaits_erp),
    ):
        if value is not None:
            query = query.where(column == value)
    query = page_of(query, table.c.created_at, table.c.id, cursor=cursor, limit=limit)
    rows = list((await tx.session.exec(query)).all())
    following = next_cursor(rows, "created_at", limit)
    return Page(items=[view(row) for row in rows], next=following)
