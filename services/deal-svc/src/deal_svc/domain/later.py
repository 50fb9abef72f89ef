"""What later stages told of a deal: its offer, its invoices, and what came of it."""

from __future__ import annotations

from datetime import date

from pydantic import AwareDatetime, BaseModel

from contracts.ids import ContractId, InvoiceId, QuoteId
from contracts.money import Money

LIVE_OFFER = frozenset({"pending_approval", "approved", "rejected", "sent", "accepted"})
"""Somebody in the quoting stage, or the customer, has it in hand."""


class Offer(BaseModel, frozen=True):
    """The newest version of the deal's quote, as far as it was heard of."""

    quote_id: QuoteId
    number: str
    version: int
    status: str
    note: str | None = None
    """The limit it goes beyond, or the reason for a no."""


class Billed(BaseModel, frozen=True):
    """An invoice of the deal's contract."""

    invoice_id: InvoiceId
    number: str
    gross: Money
    due_on: date | None = None
    status: str
    """issued, overdue, paid, credited."""
    credited: dict[str, Money] = {}
    """What was taken back, by the number of its credit note."""


class Outcome(BaseModel, frozen=True):
    """What came of the contract: the numbers that later stages told."""

    contract_id: ContractId
    contract_number: str
    net: Money
    gross: Money
    earned: Money | None = None
    settled_at: AwareDatetime | None = None
