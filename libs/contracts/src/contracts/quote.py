"""What quote-svc says."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from pydantic import AwareDatetime

from contracts.event import Event
from contracts.ids import DealId, LeadId, QuoteId
from contracts.parties import Account, Contact, Owner
from contracts.terms import Evidence, ImportedOutcome, PaymentTerms, Prepayment, PricedLine, Totals


class QuoteFact(Event):
    topic: ClassVar[str] = "ltc.quote.v1"
    key: ClassVar[str] = "quote_id"

    quote_id: QuoteId
    number: str
    deal_id: DealId
    version: int


class QuoteDrafted(QuoteFact):
    """A version was priced, and a policy said whether it needs a person's approval."""

    name: ClassVar[str] = "ltc.quote.drafted.v1"

    lines: tuple[PricedLine, ...]
    totals: Totals
    discount_percent: Decimal
    """Over the whole document: 100 − net ÷ list × 100."""
    version_hash: str
    policy_outcome: str
    drafted_at: AwareDatetime


class QuoteApprovalRequested(QuoteFact):
    """The version goes beyond what its author may promise."""

    name: ClassVar[str] = "ltc.quote.approval_requested.v1"

    limit: str
    version_hash: str
    requested_by: str
    requested_at: AwareDatetime


class QuoteApproved(QuoteFact):
    """Somebody else than the author agreed to exactly this version."""

    name: ClassVar[str] = "ltc.quote.approved.v1"

    version_hash: str
    approved_by: str
    approved_at: AwareDatetime


class QuoteRejected(QuoteFact):
    """The version may not go out as it is."""

    name: ClassVar[str] = "ltc.quote.rejected.v1"

    reason: str
    rejected_by: str
    rejected_at: AwareDatetime


class QuoteSent(QuoteFact):
    """The customer has our offer and may accept it until it lapses."""

    name: ClassVar[str] = "ltc.quote.sent.v1"

    totals: Totals
    valid_until: AwareDatetime
    sent_by: str
    sent_at: AwareDatetime


class QuoteAccepted(QuoteFact):
    """The customer took our offer: what it promises is now what we owe."""

    name: ClassVar[str] = "ltc.quote.accepted.v1"

    deal_number: str
    lead_id: LeadId | None
    account: Account
    contact: Contact | None
    owner: Owner | None
    lines: tuple[PricedLine, ...]
    totals: Totals
    payment_terms: PaymentTerms
    valid_until: AwareDatetime
    version_hash: str
    evidence: Evidence
    consent_covers_signature: bool = False
    """The evidence also covers the contract's signature on standard terms."""
    prepayment: Prepayment | None = None
    imported: ImportedOutcome | None = None
    accepted_at: AwareDatetime


class QuoteDeclined(QuoteFact):
    """The customer said no to this version."""

    name: ClassVar[str] = "ltc.quote.declined.v1"

    reason: str
    evidence: Evidence
    declined_at: AwareDatetime


class QuoteExpired(QuoteFact):
    """Nobody answered in time."""

    name: ClassVar[str] = "ltc.quote.expired.v1"

    valid_until: AwareDatetime
    expired_at: AwareDatetime


class QuoteSuperseded(QuoteFact):
    """A newer version took this one's place, or the deal behind it was given up."""

    name: ClassVar[str] = "ltc.quote.superseded.v1"

    by_version: int | None
    reason: str
    superseded_at: AwareDatetime
