"""One version of an offer: what it promises, and how far it may come."""

from __future__ import annotations

from enum import StrEnum
from hashlib import sha256

from pydantic import AwareDatetime, BaseModel

from chassis.domain import Lifecycle
from contracts.terms import PaymentTerms, PricedLine, Totals, WantedLine


class Status(StrEnum):
    DRAFT = "draft"
    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    SENT = "sent"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    VOIDED = "voided"


_OUT = {Status.SUPERSEDED, Status.VOIDED}
LIFECYCLE = Lifecycle(
    {
        Status.DRAFT: {Status.PENDING_APPROVAL, Status.APPROVED} | _OUT,
        Status.PENDING_APPROVAL: {Status.APPROVED, Status.DRAFT} | _OUT,
        Status.APPROVED: {Status.SENT, Status.DRAFT} | _OUT,
        Status.SENT: {Status.ACCEPTED, Status.DECLINED, Status.EXPIRED} | _OUT,
        Status.DECLINED: {Status.SUPERSEDED},
        Status.EXPIRED: {Status.SUPERSEDED},
    }
)


class Version(BaseModel, frozen=True):
    """One offer: lines, sums, terms, and how far it has come. ``hash`` seals what it promises."""

    version: int
    status: Status = Status.DRAFT
    wanted: tuple[WantedLine, ...] = ()
    lines: tuple[PricedLine, ...] = ()
    totals: Totals | None = None
    payment_terms: PaymentTerms
    price_book: str = "standard"
    validity_days: int
    send_when_approved: bool = True
    hash: str = ""
    requested_by: str
    """Who asked for it, or edited it last: not the one to approve it."""
    approved_by: str | None = None
    valid_until: AwareDatetime | None = None
    reason: str | None = None


def version_hash(
    lines: tuple[PricedLine, ...], totals: Totals, terms: PaymentTerms, number: str, version: int
) -> str:
    """SHA-256 over everything a version promises, in a fixed writing."""
    digest = sha256(f"{number}/{version}\n".encode())
    for part in (*lines, totals, terms):
        digest.update(part.model_dump_json().encode())
    return digest.hexdigest()
