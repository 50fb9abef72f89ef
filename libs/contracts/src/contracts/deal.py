"""What deal-svc says."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from pydantic import AwareDatetime

from contracts.currencies import Currency
from contracts.event import Event
from contracts.ids import ContractId, DealId, LeadId
from contracts.money import Money
from contracts.parties import Account, Contact, Owner
from contracts.terms import ImportedOutcome, Origin, PaymentTerms, WantedLine, WebOrder


class DealFact(Event):
    topic: ClassVar[str] = "ltc.deal.v1"
    key: ClassVar[str] = "deal_id"

    deal_id: DealId
    number: str


class DealOpened(DealFact):
    """An opportunity worth working on: from a qualified lead, by hand, or moved from elsewhere."""

    name: ClassVar[str] = "ltc.deal.opened.v1"

    lead_id: LeadId | None
    account: Account | None
    contact: Contact | None
    origin: Origin
    owner: Owner | None
    title: str
    stage: str
    amount: Money | None = None
    imported: bool = False
    opened_at: AwareDatetime


class DealStageChanged(DealFact):
    """The deal moved within its pipeline, or its worth or close date was judged anew."""

    name: ClassVar[str] = "ltc.deal.stage_changed.v1"

    from_stage: str
    to_stage: str
    amount: Money | None = None
    expected_close: date | None = None
    changed_by: str
    changed_at: AwareDatetime


class ProposalRequested(DealFact):
    """The customer's needs are known well enough to be priced."""

    name: ClassVar[str] = "ltc.deal.proposal_requested.v1"

    lead_id: LeadId | None
    account: Account
    contact: Contact | None
    owner: Owner | None
    request_no: int
    """Counts the proposals asked for: each becomes the next version of the quote."""
    lines: tuple[WantedLine, ...]
    currency: Currency
    price_book: str = "standard"
    payment_terms: PaymentTerms
    validity_days: int = 30
    send_when_approved: bool = True
    web_order: WebOrder | None = None
    imported: ImportedOutcome | None = None
    requested_by: str
    requested_at: AwareDatetime


class DealWon(DealFact):
    """The contract is signed: won follows the signature, never a click."""

    name: ClassVar[str] = "ltc.deal.won.v1"

    lead_id: LeadId | None
    account: Account
    owner: Owner | None
    origin: Origin
    contract_id: ContractId
    contract_number: str
    net: Money
    gross: Money
    imported: bool = False
    won_at: AwareDatetime


class DealLost(DealFact):
    """The customer will not buy, for this reason. What is still open elsewhere is withdrawn."""

    name: ClassVar[str] = "ltc.deal.lost.v1"

    reason: str
    competitor: str | None = None
    imported: bool = False
    lost_by: str
    lost_at: AwareDatetime


class DealReopened(DealFact):
    """A lost deal lives again; a manager's decision."""

    name: ClassVar[str] = "ltc.deal.reopened.v1"

    reason: str
    reopened_by: str
    reopened_at: AwareDatetime
