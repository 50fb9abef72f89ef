"""What contract-svc says."""

from __future__ import annotations

from typing import ClassVar

from pydantic import AwareDatetime

from contracts.event import Event
from contracts.ids import ContractId, DealId, LeadId, QuoteId
from contracts.parties import Account, Contact, Owner
from contracts.terms import (
    Evidence,
    ImportedOutcome,
    PaymentTerms,
    Prepayment,
    PricedLine,
    ScheduleItem,
    Totals,
)


class ContractFact(Event):
    topic: ClassVar[str] = "ltc.contract.v1"
    key: ClassVar[str] = "contract_id"

    contract_id: ContractId
    number: str
    deal_id: DealId
    quote_id: QuoteId


class ContractDrafted(ContractFact):
    """The accepted version, copied with its hash, under the standard clauses."""

    name: ClassVar[str] = "ltc.contract.drafted.v1"

    quote_version: int
    version_hash: str
    totals: Totals
    clauses: tuple[str, ...]
    """Library id and version of each clause: ``liability@1``."""
    text_hash: str
    drafted_at: AwareDatetime


class ContractSentForSignature(ContractFact):
    """The text is fixed; these parties are asked to sign it."""

    name: ClassVar[str] = "ltc.contract.sent_for_signature.v1"

    text_hash: str
    signers: tuple[str, ...]
    """customer, company."""
    due_at: AwareDatetime
    sent_at: AwareDatetime


class ContractPartySigned(ContractFact):
    """One party signed exactly this text."""

    name: ClassVar[str] = "ltc.contract.party_signed.v1"

    party: str
    text_hash: str
    evidence: Evidence
    signed_at: AwareDatetime


class ContractSigned(ContractFact):
    """All parties have signed: from here nothing is undone, only amended, cancelled, credited."""

    name: ClassVar[str] = "ltc.contract.signed.v1"

    deal_number: str
    lead_id: LeadId | None
    account: Account
    contact: Contact | None
    owner: Owner | None
    legal_entity: str
    lines: tuple[PricedLine, ...]
    totals: Totals
    payment_terms: PaymentTerms
    schedule: tuple[ScheduleItem, ...]
    version_hash: str
    text_hash: str
    prepayment: Prepayment | None = None
    imported: ImportedOutcome | None = None
    signed_at: AwareDatetime


class ContractDeclined(ContractFact):
    """A party refused to sign."""

    name: ClassVar[str] = "ltc.contract.declined.v1"

    party: str
    reason: str
    declined_at: AwareDatetime


class ContractWithdrawn(ContractFact):
    """We took the unsigned contract back."""

    name: ClassVar[str] = "ltc.contract.withdrawn.v1"

    reason: str
    withdrawn_by: str
    withdrawn_at: AwareDatetime


class ContractTerminated(ContractFact):
    """A signed contract ends early, with the order's consent."""

    name: ClassVar[str] = "ltc.contract.terminated.v1"

    reason: str
    terminated_by: str
    terminated_at: AwareDatetime
