"""Taking leads in as JSON: one, or many at once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, Field

from chassis.http import ApiModel, Tx, unprocessable
from lead_svc.api.doors import Capturer, lead_router
from lead_svc.commands.capture import CaptureLead, capture_leads
from lead_svc.domain.identity import UnreadableField
from lead_svc.forms import LeadForm, read_row

BATCH_ROWS = 2_000

router = lead_router()


class RowResult(BaseModel):
    """What became of one row: accepted, duplicate or refused."""

    row: int
    outcome: str
    lead_id: UUID | None = None
    number: str | None = None
    journey_id: UUID | None = None
    duplicate_of_row: int | None = None
    candidates: list[str] = []
    """Numbers of at most 20 leads with the same name and company: a person decides whether this
    one repeats them."""
    keys: list[str] = []
    """In a dry run: what an accepted row will be recognised by."""
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


@router.post(
    "/leads",
    status_code=201,
    operation_id="captureLead",
    responses={200: {"model": RowResult, "description": "It repeats a lead"}},
)
async def capture(_: Capturer, tx: Tx, form: LeadForm, response: Response) -> RowResult:
    """Store a lead. A duplicate answers 200 with the lead that it repeats."""
    try:
        command = form.command()
    except UnreadableField as error:
        raise unprocessable(f"/body/{error.field}", str(error)) from error
    [captured] = await capture_leads([command], tx)
    if captured.outcome == "duplicate":
        response.status_code = 200
    response.headers["Location"] = f"/leads/{captured.lead_id}"
    return RowResult(row=0, **captured.model_dump())


@router.post("/leads/batch", operation_id="captureLeads")
async def capture_batch(
    _: Capturer, tx: Tx, form: BatchForm, *, dry_run: bool = False
) -> BatchResult:
    """Take in up to 2,000 leads at once and say of each what became of it. A dry run says the
    same and changes nothing."""
    if dry_run:
        tx.rollback_only()
    return await take_in(form.leads, tx, show_keys=dry_run)


async def take_in(rows: list[Any], tx: Tx, *, show_keys: bool = False) -> BatchResult:
    """Capture the readable rows; answer for all of them, in their order."""
    read = [read_row(row) for row in rows]
    good = [(n, lead) for n, lead in enumerate(read) if isinstance(lead, CaptureLead)]
    results: dict[int, RowResult] = {
        n: RowResult(row=n, outcome="refused", errors=errors)
        for n, errors in enumerate(read)
        if not isinstance(errors, CaptureLead)
    }
    captured = await capture_leads([lead for _, lead in good], tx) if good else []
    for (n, lead), one in zip(good, captured, strict=True):
        values = one.model_dump()
        if show_keys and one.outcome == "accepted":
            values["keys"] = list(lead.keys().certain)
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
