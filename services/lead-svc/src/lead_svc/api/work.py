"""Looking at leads and working on them."""

from __future__ import annotations

from uuid import UUID

from fastapi import Response
from pydantic import Field

from chassis.domain import Refused
from chassis.http import ApiModel, Revision, Tx, etag, refuse_stale
from chassis.pagination import Cursor, Limit, Page
from contracts.asked import AskedOwner
from contracts.money import NonNegativeMoney
from lead_svc import queries
from lead_svc.api.doors import Looker, Manager, Seller, answer, lead_router
from lead_svc.commands import work
from lead_svc.storage import Leads

router = lead_router()


class ReasonForm(ApiModel):
    reason: str = Field(min_length=1, max_length=500)


class AssignmentForm(ApiModel):
    owner: AskedOwner


class QualificationForm(ApiModel):
    need: str | None = Field(default=None, max_length=2000)
    budget: NonNegativeMoney | None = None


class MergeForm(ApiModel):
    into: UUID


@router.get("/leads", operation_id="listLeads")
async def list_leads(
    _: Looker,
    tx: Tx,
    status: str | None = None,
    channel: str | None = None,
    owner: str | None = None,
    q: str | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[queries.LeadView]:
    """Leads, the newest first."""
    return await queries.list_leads(
        tx, status=status, channel=channel, owner=owner, q=q, cursor=cursor, limit=limit
    )


@router.get("/lead-stats", operation_id="leadStats")
async def stats(_: Looker, tx: Tx) -> list[queries.ChannelStats]:
    """What each channel and campaign brought, down to what was earned."""
    return await queries.channel_stats(tx)


@router.get("/leads/{lead_id}", operation_id="showLead")
async def show(_: Looker, tx: Tx, lead_id: UUID, response: Response) -> queries.LeadView:
    """One lead, with its revision as ETag."""
    lead = await queries.show_lead(lead_id, tx)
    response.headers["ETag"] = etag(lead.revision)
    return lead


@router.get("/leads/{lead_id}/candidates", operation_id="listCandidates")
async def candidates(_: Looker, tx: Tx, lead_id: UUID) -> list[queries.LeadView]:
    """At most 20 other leads that may be the same customer: equal in name and company, but with
    another e-mail and telephone. A manager merges them."""
    return await queries.candidates(lead_id, tx)


@router.post("/leads/{lead_id}/assignment", operation_id="assignLead")
async def assign(
    _: Manager, tx: Tx, lead_id: UUID, form: AssignmentForm, seen: Revision, response: Response
) -> queries.LeadView:
    """Give a lead to one of us; the first contact becomes due."""
    await Leads(tx).get(lead_id)
    refuse_stale(seen, tx, lead_id)
    return answer(await work.assign_lead(lead_id, form.owner, tx), tx, response)


@router.post("/leads/{lead_id}/qualification", operation_id="qualifyLead")
async def qualify(
    _: Seller, tx: Tx, lead_id: UUID, form: QualificationForm, response: Response
) -> queries.LeadView:
    """Judge it worth a deal: what they need, and that they can buy."""
    return answer(await work.qualify_lead(lead_id, form.need, form.budget, tx), tx, response)


@router.post("/leads/{lead_id}/disqualification", operation_id="disqualifyLead")
async def disqualify(
    _: Seller, tx: Tx, lead_id: UUID, form: ReasonForm, response: Response
) -> queries.LeadView:
    """Judge it not worth pursuing, with a reason."""
    return answer(await work.disqualify_lead(lead_id, form.reason, tx), tx, response)


@router.post("/leads/{lead_id}/reopening", operation_id="reopenLead")
async def reopen(
    _: Manager, tx: Tx, lead_id: UUID, form: ReasonForm, response: Response
) -> queries.LeadView:
    """Back to work after all."""
    return answer(await work.reopen_lead(lead_id, form.reason, tx), tx, response)


@router.post("/leads/{lead_id}/merge", operation_id="mergeLead")
async def merge(
    _: Manager, tx: Tx, lead_id: UUID, form: MergeForm, response: Response
) -> queries.LeadView:
    """Fold a duplicate into another lead."""
    if form.into == lead_id:
        raise Refused("a lead cannot be merged into itself")
    return answer(await work.merge_leads(lead_id, form.into, tx), tx, response)
