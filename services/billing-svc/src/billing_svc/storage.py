"""Billing accounts, invoices, payments, and the ledger that only grows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Index, MetaData, Text, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from billing_svc.domain.account import BillingAccount
from billing_svc.domain.invoice import Invoice
from billing_svc.domain.ledger import Entries
from billing_svc.domain.payment import Payment
from chassis.domain import NotFound
from chassis.repository import Repository
from chassis.tables import APPEND_ONLY, NAMING, AggregateRow
from chassis.transaction import Transaction
from contracts.journey import BILLING_GATES


class Row(SQLModel, registry=registry()):
    """Base of billing-svc's own tables."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)


class BillingAccountRow(Row, AggregateRow, table=True):
    __tablename__ = "billing_account"
    __table_args__ = (
        Index(
            "ix_billing_account_undecided",
            "created_at",
            postgresql_where=text("prepayment_undecided"),
        ),
    )

    status: str = Field(sa_type=Text, index=True)
    currency: str = Field(sa_type=Text)
    contracted_minor: int = Field(sa_type=BigInteger)
    invoiced_minor: int = Field(sa_type=BigInteger)
    credited_minor: int = Field(sa_type=BigInteger)
    paid_minor: int = Field(sa_type=BigInteger)
    next_due_at: datetime | None = Field(default=None, index=True)
    prepayment_undecided: bool | None = Field(default=None)
    """True in rows of versions that publish no decision: the column's default."""


class InvoiceRow(Row, AggregateRow, table=True):
    __tablename__ = "invoice"
    __table_args__ = (
        Index(
            "ix_invoice_open",
            "outstanding_minor",
            "currency",
            "account_name",
            postgresql_where=text("outstanding_minor > 0"),
        ),
        Index(
            "ix_invoice_payment_reference",
            "payment_reference",
            postgresql_where=text("outstanding_minor > 0 AND payment_reference IS NOT NULL"),
        ),
        Index("uq_invoice_item", "contract_id", "schedule_item", "part", unique=True),
    )

    status: str = Field(sa_type=Text, index=True)
    contract_id: UUID
    schedule_item: int
    part: int
    account_name: str = Field(sa_type=Text)
    payment_reference: str | None = Field(default=None, sa_type=Text)
    currency: str = Field(sa_type=Text)
    gross_minor: int = Field(sa_type=BigInteger)
    outstanding_minor: int = Field(sa_type=BigInteger)
    due_on: date = Field(index=True)
    overdue: bool


class PaymentRow(Row, AggregateRow, table=True):
    __tablename__ = "payment"
    __table_args__ = (Index("uq_payment_reference", "bank_reference", "source", unique=True),)

    status: str = Field(sa_type=Text, index=True)
    source: str = Field(sa_type=Text)
    bank_reference: str = Field(sa_type=Text)
    currency: str = Field(sa_type=Text)
    amount_minor: int = Field(sa_type=BigInteger)
    unapplied_minor: int = Field(sa_type=BigInteger)
    received_at: datetime = Field(index=True)


class LedgerRow(Row, table=True):
    """One entry; debits positive. A trigger keeps it as it is, another each transaction at zero."""

    __tablename__ = "ledger_entry"
    __table_args__ = (APPEND_ONLY,)

    transaction_id: UUID = Field(primary_key=True)
    line: int = Field(primary_key=True)
    account: str = Field(sa_type=Text, index=True)
    currency: str = Field(sa_type=Text)
    minor: int = Field(sa_type=BigInteger)
    kind: str = Field(sa_type=Text)
    journey_id: UUID = Field(index=True)
    document: str = Field(sa_type=Text)
    business_at: datetime
    posted_at: datetime


class BillingAccounts(Repository[BillingAccount]):
    aggregate = BillingAccount
    row = BillingAccountRow
    gates = BILLING_GATES

    def columns(self, aggregate: BillingAccount) -> Mapping[str, Any]:
        dated = [
            item
            for item in aggregate.schedule
            if item.due == "days_after_signature" and not aggregate.has_charged(item.n)
        ]
        return {
            "status": aggregate.status.value,
            "currency": aggregate.currency,
            "contracted_minor": aggregate.totals.gross.minor,
            "invoiced_minor": aggregate.invoiced.minor,
            "credited_minor": aggregate.credited.minor,
            "paid_minor": aggregate.paid.minor,
            "next_due_at": min(
                (aggregate.signed_at + timedelta(days=i.days) for i in dated), default=None
            ),
            "prepayment_undecided": aggregate.prepayment is not None
            and aggregate.prepayment_counts is None,
        }


class Invoices(Repository[Invoice]):
    aggregate = Invoice
    row = InvoiceRow
    gates = BILLING_GATES

    def columns(self, aggregate: Invoice) -> Mapping[str, Any]:
        return {
            "status": aggregate.status.value,
            "contract_id": aggregate.contract_id,
            "schedule_item": aggregate.schedule_item,
            "part": aggregate.part,
            "account_name": aggregate.account.name,
            "payment_reference": aggregate.payment_reference,
            "currency": aggregate.totals.gross.currency,
            "gross_minor": aggregate.totals.gross.minor,
            "outstanding_minor": aggregate.outstanding.minor,
            "due_on": aggregate.due_on,
            "overdue": aggregate.overdue_since is not None,
        }


class Payments(Repository[Payment]):
    aggregate = Payment
    claimed = True
    row = PaymentRow
    gates = BILLING_GATES

    def columns(self, aggregate: Payment) -> Mapping[str, Any]:
        return {
            "status": aggregate.status.value,
            "source": aggregate.source,
            "bank_reference": aggregate.bank_reference,
            "currency": aggregate.amount.currency,
            "amount_minor": aggregate.amount.minor,
            "unapplied_minor": aggregate.unapplied.minor,
            "received_at": aggregate.received_at,
        }


async def contract_of(invoice_id: UUID, tx: Transaction) -> UUID:
    """The contract, and so the account, that an invoice belongs to; not locked. Raises NotFound."""
    rows = await tx.read("SELECT contract_id FROM invoice WHERE id = $1", invoice_id)
    if not rows:
        raise NotFound(f"no invoice {invoice_id}")
    contract_id: UUID = rows[0][0]
    return contract_id


def post(
    tx: Transaction, entries: Entries, *, kind: str, journey_id: UUID, document: str, at: datetime
) -> UUID:
    """Write a ledger transaction with the commit; returns its id. Nothing is written for zero."""
    transaction_id = tx.new_id()
    for line, entry in enumerate(entries, start=1):
        tx.insert(
            LedgerRow,
            transaction_id=transaction_id,
            line=line,
            account=entry.account,
            currency=entry.amount.currency,
            minor=entry.amount.minor,
            kind=kind,
            journey_id=journey_id,
            document=document,
            business_at=at,
            posted_at=tx.now,
        )
    return transaction_id
