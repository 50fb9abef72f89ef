"""Leads as people look at them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import func, literal_column, or_
from sqlmodel import select

from chassis import sight
from chassis.domain import NotFound
from chassis.imports import Report
from chassis.pagination import Page, next_cursor, page_of
from chassis.search import part_of
from chassis.tables import table_of
from chassis.transaction import Transaction
from lead_svc.domain.activity import Activity
from lead_svc.domain.identity import MOST_CANDIDATES
from lead_svc.domain.lead import Lead
from lead_svc.storage import ActivityRow, CandidateRow, ImportRow, LeadRow

SEARCHED = (("contact", "name"), ("contact", "email"), ("account", "name"))


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


class ImportView(Report):
    """A file that was taken in, and what became of each row; no id of a dry run."""

    id: UUID | None
    file_name: str
    imported_by: str
    imported_at: datetime


class ImportSummary(BaseModel):
    """A file that was taken in, in numbers."""

    id: UUID
    file_name: str
    imported_by: str
    imported_at: datetime
    rows: int
    accepted: int
    duplicates: int
    refused: int


def view(row: Any) -> LeadView:
    return LeadView.model_validate({**row.body, "revision": row.revision})


async def show_lead(lead_id: UUID, tx: Transaction) -> LeadView:
    return view(await sight.one(tx, LeadRow, lead_id, "lead"))


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
    query = sight.narrow(select(LeadRow), LeadRow, tx.actor)
    if status:
        query = query.where(LeadRow.status == status)
    if channel:
        query = query.where(LeadRow.channel == channel)
    if owner:
        query = query.where(LeadRow.owner_sub == owner)
    if q:
        pattern, lead = part_of(q), table_of(LeadRow).c
        texts = [lead.number, *(lead.body[at].astext for at in SEARCHED)]
        query = query.where(
            or_(*(func.normalize(text, literal_column("NFKC")).ilike(pattern) for text in texts))
        )
    table = table_of(LeadRow)
    query = page_of(query, table.c.captured_at, table.c.id, cursor=cursor, limit=limit)
    rows = list((await tx.session.exec(query)).all())
    following = next_cursor(rows, "captured_at", limit)
    return Page(items=[view(row) for row in rows], next=following)


async def candidates(lead_id: UUID, tx: Transaction) -> list[LeadView]:
    """At most 20 other leads that share a name and company, or a key, with this one."""
    await show_lead(lead_id, tx)
    table, keys = table_of(LeadRow), table_of(CandidateRow)
    shared = select(keys.c.key).where(keys.c.lead_id == lead_id)
    others = select(keys.c.lead_id).where(keys.c.key.in_(shared), keys.c.lead_id != lead_id)
    query = sight.narrow(select(LeadRow), LeadRow, tx.actor).where(table.c.id.in_(others))
    query = query.order_by(table.c.captured_at.desc(), table.c.id).limit(MOST_CANDIDATES)
    return [view(row) for row in (await tx.session.exec(query)).all()]


async def hidden(numbers: Collection[str], tx: Transaction) -> set[str]:
    """Those of the leads with these numbers that the actor may not see."""
    if not numbers or not sight.is_limited(tx.actor):
        return set()
    column = table_of(LeadRow).c.number
    query = sight.narrow(select(LeadRow), LeadRow, tx.actor).where(column.in_(numbers))
    return set(numbers) - {row.number for row in (await tx.session.exec(query)).all()}


async def channel_stats(tx: Transaction) -> list[ChannelStats]:
    rows = await tx.read(
        f"""SELECT body->'origin'->>'channel' AS channel, body->'origin'->>'campaign' AS campaign,
                  count(*) AS leads,
                  count(*) FILTER (WHERE status = 'converted') AS converted,
                  count(*) FILTER (WHERE status = 'disqualified') AS disqualified,
                  count(body->>'settled_at') AS settled,
                  coalesce(sum((replace(body->'earned'->>'amount', '.', ''))::bigint), 0)::bigint
                      AS earned_minor,
                  body->'earned'->>'currency' AS currency
           FROM lead WHERE {sight.SEEN} GROUP BY 1, 2, 8 ORDER BY leads DESC""",  # noqa: S608
        *sight.parameters(tx.actor),
    )
    return [ChannelStats(**row) for row in rows]


async def list_imports(tx: Transaction, *, cursor: str | None, limit: int) -> Page[ImportSummary]:
    table = table_of(ImportRow)
    query = select(ImportRow)
    if sight.is_limited(tx.actor):  # others' files hold others' leads
        query = query.where(table.c.report["importer"].astext == tx.actor.sub)
    query = page_of(query, table.c.imported_at, table.c.id, cursor=cursor, limit=limit)
    rows = list((await tx.session.exec(query)).all())
    following = next_cursor(rows, "imported_at", limit)
    return Page(
        items=[ImportSummary.model_validate({**r.report, **r.model_dump()}) for r in rows],
        next=following,
    )


async def show_import(import_id: UUID, tx: Transaction) -> ImportView:
    row = await tx.session.get(ImportRow, import_id)
    if row is None or (sight.is_limited(tx.actor) and row.report.get("importer") != tx.actor.sub):
        raise NotFound(f"no import {import_id}")
    return ImportView.model_validate({**row.report, **row.model_dump()})


async def list_activities(
    lead_id: UUID, tx: Transaction, *, cursor: str | None, limit: int
) -> Page[Activity]:
    await show_lead(lead_id, tx)
    table = table_of(ActivityRow)
    query = select(ActivityRow).where(table.c.lead_id == lead_id)
    query = page_of(query, table.c.recorded_at, table.c.id, cursor=cursor, limit=limit)
    rows = list((await tx.session.exec(query)).all())
    following = next_cursor(rows, "recorded_at", limit)
    return Page(
        items=[Activity.model_validate(r, from_attributes=True) for r in rows], next=following
    )
