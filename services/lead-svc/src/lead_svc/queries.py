"""Leads as people look at them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlmodel import select

from chassis.domain import NotFound
from chassis.pagination import Page, next_cursor, page_of
from chassis.tables import table_of
from chassis.transaction import Transaction
from lead_svc.domain.lead import Lead
from lead_svc.storage import LeadRow


class LeadView(Lead, frozen=True):
    """A lead, with the revision that updates must name."""

    revision: int


class ChannelStats(BaseModel):
    """What a channel brought."""

    channel: str
    campaign: str | None
    leads: int
    converted: int
    disqualified: int
    settled: int
    earned_minor: int
    currency: str | None


def view(row: Any) -> LeadView:
    return LeadView.model_validate({**row.body, "revision": row.revision})


async def show_lead(lead_id: UUID, tx: Transaction) -> LeadView:
    row = await tx.session.get(LeadRow, lead_id)
    if row is None:
        raise NotFound(f"no lead {lead_id}")
    return view(row)


async def list_leads(
    tx: Transaction,
    *,
    status: str | None,
    channel: str | None,
    owner: str | None,
    q: str | None,
    cursor: str | None,
    limit: int,
) -> Page[LeadView]:
    query = select(LeadRow)
    if status:
        query = query.where(LeadRow.status == status)
    if channel:
        query = query.where(LeadRow.channel == channel)
    if owner:
        query = query.where(LeadRow.owner_sub == owner)
    if q:
        pattern = "%" + q.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") + "%"
        body = table_of(LeadRow).c.body
        query = query.where(
            table_of(LeadRow).c.number.ilike(pattern)
            | body["contact"]["name"].astext.ilike(pattern)
            | body["contact"]["email"].astext.ilike(pattern)
            | body["account"]["name"].astext.ilike(pattern)
        )
    table = table_of(LeadRow)
    query = page_of(query, table.c.captured_at, table.c.id, cursor=cursor, limit=limit)
    rows = list((await tx.session.exec(query)).all())
    following = next_cursor(rows, "captured_at", limit)
    return Page(items=[view(row) for row in rows], next=following)


async def channel_stats(tx: Transaction) -> list[ChannelStats]:
    rows = await tx.read(
        """SELECT body->'origin'->>'channel' AS channel, body->'origin'->>'campaign' AS campaign,
                  count(*) AS leads,
                  count(*) FILTER (WHERE status = 'converted') AS converted,
                  count(*) FILTER (WHERE status = 'disqualified') AS disqualified,
                  count(body->>'settled_at') AS settled,
                  coalesce(sum((replace(body->'earned'->>'amount', '.', ''))::bigint), 0)::bigint
                      AS earned_minor,
                  body->'earned'->>'currency' AS currency
           FROM lead GROUP BY 1, 2, 8 ORDER BY leads DESC"""
    )
    return [ChannelStats(**row._asdict()) for row in rows]
