"""What billing-svc says: invoices, payments, and what a journey earned."""

from __future__ import annotations

from datetime import date
from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.event import Event
from contracts.ids import ContractId, DealId, InvoiceId, LeadId, PaymentId
from contracts.known import known
from contracts.money import Money
from contracts.parties import PERSONAL, Account, Snapshot
from contracts.terms import Evidence, Totals


class BillingFact(Event):
    topic: ClassVar[str] = "ltc.billing.v1"


class InvoiceLine(Snapshot):
    """What an invoice charges for."""

    line_no: int
    description: str
    net: Money
    tax: Money


class InvoiceFact(BillingFact):
    key: ClassVar[str] = "invoice_id"

    invoice_id: InvoiceId
    number: str
    contract_id: ContractId
    deal_id: DealId


class InvoiceIssued(InvoiceFact):
    """A part of the contract's price is due. Issued documents never change."""

    name: ClassVar[str] = "ltc.invoice.issued.v1"

    legal_entity: str
    account: Account
    schedule_item: int
    lines: tuple[InvoiceLine, ...]
    totals: Totals
    due_on: date
    issued_at: AwareDatetime


class InvoicePaid(InvoiceFact):
    """Nothing is outstanding on it."""

    name: ClassVar[str] = "ltc.invoice.paid.v1"

    gross: Money
    paid_at: AwareDatetime


class InvoiceOverdue(InvoiceFact):
    """Its due date has passed and something is outstanding."""

    name: ClassVar[str] = "ltc.invoice.overdue.v1"

    outstanding: Money
    due_on: date
    overdue_at: AwareDatetime


class InvoiceCredited(InvoiceFact):
    """A credit note took back what was not paid."""

    name: ClassVar[str] = "ltc.invoice.credited.v1"

    credit_note: str
    amount: Money
    reason: str
    credited_by: str
    credited_at: AwareDatetime
    lines: tuple[InvoiceLine, ...] = ()
    """What of the invoice it takes back."""
    outstanding: Money | None = None
    """Of the invoice, afterwards."""


class PaymentFact(BillingFact):
    key: ClassVar[str] = "payment_id"

    payment_id: PaymentId
    number: str


class PaymentReceived(PaymentFact):
    """Money arrived, as the bank or the payment provider says; maybe nobody knows yet what for."""

    name: ClassVar[str] = "ltc.payment.received.v1"

    bank_reference: str
    source: str
    """bank, a provider's name, or imported."""
    amount: Money
    payer: str | None = Field(default=None, json_schema_extra=PERSONAL)
    unapplied: Money
    received_at: AwareDatetime


class Allocation(Snapshot):
    """A part of a payment applied to one invoice."""

    invoice_id: InvoiceId
    invoice_number: str
    contract_id: ContractId
    amount: Money
    outstanding: Money
    """Of the invoice, afterwards."""


class PaymentAllocated(PaymentFact):
    """What the money was for, and the ledger transaction that says so."""

    name: ClassVar[str] = "ltc.payment.allocated.v1"

    allocations: tuple[Allocation, ...]
    unapplied: Money
    ledger_transaction: UUID
    evidence: Evidence
    allocated_at: AwareDatetime


class PaymentUnallocated(PaymentFact):
    """The money was not for these invoices after all: what it paid of them is open again."""

    name: ClassVar[str] = "ltc.payment.unallocated.v1"

    allocations: tuple[Allocation, ...]
    """What was taken back, with what is outstanding of each invoice afterwards."""
    unapplied: Money
    reason: str
    ledger_transaction: UUID
    unallocated_by: str
    unallocated_at: AwareDatetime


class PaymentReturned(PaymentFact):
    """Money went back: the payer's bank took it, or we paid back what was not owed."""

    name: ClassVar[str] = "ltc.payment.returned.v1"

    bank_reference: str
    """Of the statement line that took it, not of the one that brought it."""
    amount: Money
    unapplied: Money
    reason: str
    ledger_transaction: UUID
    returned_by: str
    returned_at: AwareDatetime


class PrepaymentFact(BillingFact):
    key: ClassVar[str] = "contract_id"

    contract_id: ContractId
    contract_number: str
    deal_id: DealId
    provider: str
    reference: str
    captured: Money
    """As the order states it."""
    due: Money
    """Gross, what the prepayment has to cover."""
    decided_at: AwareDatetime


class PrepaymentConfirmed(PrepaymentFact):
    """The prepayment of an order counts: its money is there for this contract, and covers what is
    due."""

    name: ClassVar[str] = "ltc.prepayment.confirmed.v1"

    evidence: Evidence


class PrepaymentRefused(PrepaymentFact):
    """The prepayment of an order does not count: what is due must be paid before delivery."""

    name: ClassVar[str] = "ltc.prepayment.refused.v1"

    reason: str = Field(
        json_schema_extra=known(
            "provider_not_trusted", "amount_too_small", "reference_spent", "other_currency"
        )
    )
    """provider_not_trusted, amount_too_small, reference_spent, other_currency."""
    detail: str
    """The reason as a sentence, with the amounts."""


class JourneySettled(BillingFact):
    """All that was contracted is delivered or cancelled, invoiced, paid, and in the ledger."""

    name: ClassVar[str] = "ltc.journey.settled.v1"
    key: ClassVar[str] = "contract_id"

    contract_id: ContractId
    contract_number: str
    deal_id: DealId
    lead_id: LeadId | None
    account: Account
    contracted: Money
    invoiced: Money
    credited: Money
    paid: Money
    earned: Money
    """Recognised revenue: net of tax and credits."""
    settled_at: AwareDatetime
