"""Deals as people look at them."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel
from sqlmodel import select

from chassis import sight
from chassis.pagination import Page, next_cursor, page_of
from chassis.tables import table_of
from chassis.transaction import Transaction
from contracts.money import Money
from deal_svc.domain.activity import Activity
from deal_svc.domain.deal import Deal
from deal_svc.storage import ActivityRow, DealRow


class DealView(Deal, frozen=True):
    """A deal, with the revision that updates must name."""

    revision: int


class StageTotal(BaseModel):
    """What one stage of the pipeline holds."""

    stage: str
    currency: str
    deals: int
    amount: Money


class Total(BaseModel):
    """Won deals of one owner, product or month."""

    by: str
    currency: str
    won: int
    value: Money


def view(row: Any) -> DealView:
    return DealView.model_validate({**row.body, "revision": row.revision})


async def show_deal(deal_id: UUID, tx: Transaction) -> DealView:
    return view(await sight.one(tx, DealRow, deal_id, "deal"))


async def list_deals(
    tx: Transaction,
    *,
    status: str | None,
    stage: str | None,
    owner: str | None,
    account: str | None,
    journey: UUID | None,
    cursor: str | None,
    limit: int,
) -> Page[DealView]:
    table = table_of(DealRow)
    query = sight.narrow(select(DealRow), DealRow, tx.actor)
    for column, value in (
        (table.c.status, status),
        (table.c.stage, stage),
        (table.c.owner_sub, owner),
        (table.c.account_name, account),
        (table.c.journey_id, journey),
    ):
        if value is not None:
            query = query.where(column == value)
    query = page_of(query, table.c.opened_at, table.c.id, cursor=cursor, limit=limit)
    rows = list((await tx.session.exec(query)).all())
    following = next_cursor(rows, "opened_at", limit)
    return Page(items=[view(row) for row in rows], next=following)


async def pipeline(tx: Transaction) -> list[StageTotal]:
    rows = await tx.read(
        "SELECT stage, currency, count(*), coalesce(sum(amount_minor), 0)::bigint FROM deal"  # noqa: S608
        f" WHERE status IN ('open', 'on_hold') AND {sight.SEEN} GROUP BY 1, 2 ORDER BY 1, 2",
        *sight.parameters(tx.actor),
    )
    return [StageTotal(stage=s, currency=c, deals=n, amount=Money(a, c)) for s, c, n, a in rows]


_BY = {
    "owner": "coalesce(body->'owner'->>'name', '')",
    "product": "coalesce(product, '')",
    # Earlier releases took 0001-01-01 and 9999-12-31, which are infinite here and have no month.
    "month": "coalesce(to_char(closed_at AT TIME ZONE 'UTC', 'YYYY-MM'), '')",
}


async def totals(tx: Transaction, by: Literal["owner", "product", "month"]) -> list[Total]:
    rows = await tx.read(
        f"SELECT {_BY[by]}, currency, count(*), coalesce(sum(amount_minor), 0)::bigint FROM deal"  # noqa: S608
        f" WHERE status = 'won' AND {sight.SEEN} GROUP BY 1, 2 ORDER BY 4 DESC",
        *sight.parameters(tx.actor),
    )
    return [Total(by=k, currency=c, won=n, value=Money(v, c)) for k, c, n, v in rows]


async def list_activities(
    deal_id: UUID, tx: Transaction, *, to_do: bool, cursor: str | None, limit: int
) -> Page[Activity]:
    await show_deal(deal_id, tx)
    table = table_of(ActivityRow)
    query = select(ActivityRow).where(table.c.deal_id == deal_id)
    if to_do:
        query = query.where(table.c.done_at.is_(None))
    query = page_of(query, table.c.recorded_at, table.c.id, cursor=cursor, limit=limit)
    rows = list((await tx.session.exec(query)).all())
    following = next_cursor(rows, "recorded_at", limit)
    found = [Activity.model_validate(row, from_attributes=True) for row in rows]
    return Page(items=found, next=following)
