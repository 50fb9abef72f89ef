"""The doors of lead-svc."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from chassis.auth import Actor, roles
from chassis.domain import Refused
from chassis.http import (
    ApiModel,
    Revision,
    TransactionalRoute,
    Tx,
    etag,
    refuse_stale,
    unprocessable,
)
from chassis.pagination import Cursor, Limit, Page
from chassis.policies import policy_router
from contracts.money import NonNegativeMoney
from contracts.parties import Owner
from lead_svc import queries
from lead_svc.commands import work
from lead_svc.commands.capture import CaptureLead, capture_leads
from lead_svc.domain.identity import UnreadableField
from lead_svc.domain.lead import Lead
from lead_svc.forms import LeadForm, read_row
from lead_svc.policies import policies
from lead_svc.storage import Leads

BATCH_ROWS = 2_000
SALES = ("sales_rep", "sales_manager", "account_manager", "admin")
CAPTURERS = (*SALES, "integration_import", "integration_web")

router = APIRouter(route_class=TransactionalRoute, tags=["leads"])
seller = Annotated[Actor, Depends(roles(*SALES))]
manager = Annotated[Actor, Depends(roles("sales_manager", "admin"))]
capturer = Annotated[Actor, Depends(roles(*CAPTURERS))]
looker = Annotated[Actor, Depends(roles(*SALES, "auditor", "ops", "finance"))]


class RowResult(BaseModel):
    """What became of one row: accepted, duplicate or refused."""

    row: int
    outcome: str
    lead_id: UUID | None = None
    number: str | None = None
    journey_id: UUID | None = None
    duplicate_of_row: int | None = None
    errors: list[dict[str, str]] = []


class BatchResult(BaseModel):
    """``rows = accepted + duplicates + refused``, always."""

    rows: int
    accepted: int
    duplicates: int
    refused: int
    results: list[RowResult]


class BatchForm(ApiModel):
    """Leads to take in; each row stands alone, a bad one spoils no other."""

    leads: list[Any] = Field(max_length=BATCH_ROWS)


class ReasonForm(ApiModel):
    reason: str = Field(min_length=1, max_length=500)


class AssignmentForm(ApiModel):
    owner: Owner


class ContactNote(ApiModel):
    note: str = Field(min_length=1, max_length=2000)


class QualificationForm(ApiModel):
    need: str | None = Field(default=None, max_length=2000)
    budget: NonNegativeMoney | None = None


class MergeForm(ApiModel):
    into: UUID


def _answer(lead: Lead, tx: Tx, response: Response) -> queries.LeadView:
    revision = tx.revision_of(lead.id)
    response.headers["ETag"] = etag(revision)
    return queries.LeadView.model_validate({**lead.model_dump(), "revision": revision})


@router.post("/leads", status_code=201, operation_id="captureLead")
async def capture(_: capturer, tx: Tx, form: LeadForm, response: Response) -> RowResult:
    """Store a lead. A duplicate answers 200 with the lead that it repeats."""
    try:
        command = form.command()
    except UnreadableField as error:
        raise unprocessable(f"/body/contact/{error.field}", str(error)) from error
    [captured] = await capture_leads([command], tx)
    if captured.outcome == "duplicate":
        response.status_code = 200
    response.headers["Location"] = f"/leads/{captured.lead_id}"
    return RowResult(row=0, **captured.model_dump())


@router.post("/leads/batch", operation_id="captureLeads")
async def capture_batch(
    _: capturer, tx: Tx, form: BatchForm, *, dry_run: bool = False
) -> BatchResult:
    """Take in up to 2,000 leads at once and say of each what became of it. A dry run says the
    same and changes nothing."""
    if dry_run:
        tx.rollback_only()
    return await take_in(form.leads, tx)


async def take_in(rows: list[Any], tx: Tx) -> BatchResult:
    """Capture the readable rows; answer for all of them, in their order."""
    read = [read_row(row) for row in rows]
    good = [(n, lead) for n, lead in enumerate(read) if isinstance(lead, CaptureLead)]
    results: dict[int, RowResult] = {
        n: RowResult(row=n, outcome="refused", errors=errors)
        for n, errors in enumerate(read)
        if not isinstance(errors, CaptureLead)
    }
    for n, lead in list(good):
        if lead.captured_at is not None and lead.captured_at > tx.now:
            errors = [{"pointer": "/captured_at", "detail": "has not come yet"}]
            results[n] = RowResult(row=n, outcome="refused", errors=errors)
            good.remove((n, lead))
    captured = await capture_leads([lead for _, lead in good], tx) if good else []
    for (n, _), one in zip(good, captured, strict=True):
        values = one.model_dump()
        if one.duplicate_of_row is not None:
            values["duplicate_of_row"] = good[one.duplicate_of_row][0]
        results[n] = RowResult(row=n, **values)
    ordered = [results[n] for n in range(len(rows))]
    counts = {o: sum(r.outcome == o for r in ordered) for o in ("accepted", "duplicate", "refused")}
    return BatchResult(
        rows=len(rows),
        accepted=counts["accepted"],
        duplicates=counts["duplicate"],
        refused=counts["refused"],
        results=ordered,
    )


@router.get("/leads", operation_id="listLeads")
async def list_leads(
    _: looker,
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
async def stats(_: looker, tx: Tx) -> list[queries.ChannelStats]:
    """What each channel and campaign brought, down to what was earned."""
    return await queries.channel_stats(tx)


@router.get("/leads/{lead_id}", operation_id="showLead")
async def show(_: looker, tx: Tx, lead_id: UUID, response: Response) -> queries.LeadView:
    """One lead, with its revision as ETag."""
    lead = await queries.show_lead(lead_id, tx)
    response.headers["ETag"] = etag(lead.revision)
    return lead


@router.post("/leads/{lead_id}/assignment", operation_id="assignLead")
async def assign(
    _: manager, tx: Tx, lead_id: UUID, form: AssignmentForm, seen: Revision, response: Response
) -> queries.LeadView:
    """Give a lead to one of us; the first contact becomes due."""
    await Leads(tx).get(lead_id)
    refuse_stale(seen, tx, lead_id)
    return _answer(await work.assign_lead(lead_id, form.owner, tx), tx, response)


@router.post("/leads/{lead_id}/contact", operation_id="contactLead")
async def contact(
    _: seller, tx: Tx, lead_id: UUID, form: ContactNote, response: Response
) -> queries.LeadView:
    """Note that the owner spoke with them."""
    return _answer(await work.contact_lead(lead_id, form.note, tx), tx, response)


@router.post("/leads/{lead_id}/qualification", operation_id="qualifyLead")
async def qualify(
    _: seller, tx: Tx, lead_id: UUID, form: QualificationForm, response: Response
) -> queries.LeadView:
    """Judge it worth a deal: what they need, and that they can buy."""
    return _answer(await work.qualify_lead(lead_id, form.need, form.budget, tx), tx, response)


@router.post("/leads/{lead_id}/disqualification", operation_id="disqualifyLead")
async def disqualify(
    _: seller, tx: Tx, lead_id: UUID, form: ReasonForm, response: Response
) -> queries.LeadView:
    """Judge it not worth pursuing, with a reason."""
    return _answer(await work.disqualify_lead(lead_id, form.reason, tx), tx, response)


@router.post("/leads/{lead_id}/reopening", operation_id="reopenLead")
async def reopen(
    _: manager, tx: Tx, lead_id: UUID, form: ReasonForm, response: Response
) -> queries.LeadView:
    """Back to work after all."""
    return _answer(await work.reopen_lead(lead_id, form.reason, tx), tx, response)


@router.post("/leads/{lead_id}/merge", operation_id="mergeLead")
async def merge(
    _: manager, tx: Tx, lead_id: UUID, form: MergeForm, response: Response
) -> queries.LeadView:
    """Fold a duplicate into another lead."""
    if form.into == lead_id:
        raise Refused("a lead cannot be merged into itself")
    return _answer(await work.merge_leads(lead_id, form.into, tx), tx, response)


router.include_router(policy_router(policies, readers=SALES, changers=("sales_manager", "admin")))
