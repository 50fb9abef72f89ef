"""Taking leads in as JSON: one, or many at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, Field

from chassis.auth import Actor, public
from chassis.http import ApiModel, Tx, unprocessable
from chassis.problems import FieldError, Problem
from lead_svc import queries
from lead_svc.api.doors import Capturer, lead_router
from lead_svc.commands.capture import Captured, CaptureLead, capture_leads
from lead_svc.domain.consent import NotTheirAct, Sender
from lead_svc.domain.identity import UnreadableField
from lead_svc.forms import LeadForm, read_row
from lead_svc.policies import Consents, policies

BATCH_ROWS = 2_000
PUBLISHED = public("customers read the texts before they consent")

router = lead_router()


class RowResult(BaseModel):
    """What became of one row: accepted, duplicate or refused. A duplicate of a lead that is not the
    sender's to see has neither id nor number."""

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


class ConsentTextView(BaseModel):
    """A published text."""

    name: str
    text: str
    text_hash: str
    """SHA-256 of the text in UTF-8, hexadecimal."""


class BatchForm(ApiModel):
    """Leads to take in; each row stands alone, a bad one spoils no other."""

    leads: list[Any] = Field(max_length=BATCH_ROWS)


@router.post(
    "/leads",
    status_code=201,
    operation_id="captureLead",
    responses={200: {"model": RowResult, "description": "It repeats a lead"}},
)
async def capture(actor: Capturer, tx: Tx, form: LeadForm, response: Response) -> RowResult:
    """Store a lead. A duplicate answers 200 with the lead that it repeats. A customer's consent and
    prepayment are taken from the role integration_web alone."""
    try:
        command = form.command(await sender_of(actor, tx))
    except NotTheirAct as error:
        told = [FieldError(pointer=f"/body/{error.field}", detail=str(error))]
        raise Problem(403, str(error), type="not-their-act", errors=told) from error
    except UnreadableField as error:
        raise unprocessable(f"/body/{error.field}", str(error)) from error
    [captured] = await capture_leads([command], tx)
    if captured.outcome == "duplicate":
        response.status_code = 200
    result = RowResult(row=0, **_shown(captured, await _hidden([captured], tx)))
    if result.lead_id is not None:
        response.headers["Location"] = f"/leads/{result.lead_id}"
    return result


@router.post("/leads/batch", operation_id="captureLeads")
async def capture_batch(
    actor: Capturer, tx: Tx, form: BatchForm, *, dry_run: bool = False
) -> BatchResult:
    """Take in up to 2,000 leads at once and say of each what became of it. A dry run says the
    same and changes nothing."""
    if dry_run:
        tx.rollback_only()
    return await take_in(form.leads, actor, tx, dry_run=dry_run)


@router.get("/consents", operation_id="listConsentTexts", dependencies=[PUBLISHED])
async def list_consent_texts(tx: Tx) -> list[ConsentTextView]:
    """The texts that a customer's consent may cite, with their hashes."""
    ruling = await policies.get(tx, "consents", Consents)
    return [
        ConsentTextView(name=one.name, text=one.text, text_hash=one.text_hash)
        for one in ruling.rules.texts
    ]


async def sender_of(actor: Actor, tx: Tx) -> Sender:
    ruling = await policies.get(tx, "consents", Consents)
    published = frozenset(one.text_hash for one in ruling.rules.texts)
    return Sender(actor.sub, "integration_web" in actor.roles, published)


async def _hidden(captured: Sequence[Captured], tx: Tx) -> set[str]:
    """Numbers of recognised leads that the sender may not see."""
    known = [one for one in captured if one.duplicate_of_row is None]
    numbers = {one.number for one in known if one.outcome == "duplicate"}
    numbers |= {number for one in known for number in one.candidates}
    return await queries.hidden(numbers, tx)


def _shown(captured: Captured, hidden: set[str]) -> dict[str, Any]:
    """What became of a lead, without what is others' to see."""
    values = captured.model_dump()
    values["candidates"] = [number for number in captured.candidates if number not in hidden]
    if captured.outcome == "duplicate" and captured.number in hidden:
        values |= {"lead_id": None, "number": None, "journey_id": None}
    return values


async def take_in(rows: list[Any], actor: Actor, tx: Tx, *, dry_run: bool = False) -> BatchResult:
    """Capture the readable rows; answer for all of them, in their order."""
    sender = await sender_of(actor, tx)
    read = [read_row(row, sender) for row in rows]
    good = [(n, lead) for n, lead in enumerate(read) if isinstance(lead, CaptureLead)]
    results: dict[int, RowResult] = {
        n: RowResult(row=n, outcome="refused", errors=errors)
        for n, errors in enumerate(read)
        if not isinstance(errors, CaptureLead)
    }
    captured = await capture_leads([lead for _, lead in good], tx) if good else []
    hidden = await _hidden(captured, tx)
    if dry_run and sender.brings_orders:  # this role reads no leads; it could look them up here
        hidden |= {number for one in captured for number in (one.number, *one.candidates)}
    for (n, lead), one in zip(good, captured, strict=True):
        values = _shown(one, hidden)
        if dry_run and one.outcome == "accepted":
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
