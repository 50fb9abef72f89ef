"""An invoice: issued once, never edited, paid or credited."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime

from chassis.domain import Aggregate, DomainError, Lifecycle
from contracts.billing import (
    InvoiceCredited,
    InvoiceIssued,
    InvoiceLine,
    InvoiceOverdue,
    InvoicePaid,
)
from contracts.ids import ContractId, DealId, InvoiceId
from contracts.money import Money
from contracts.parties import Account
from contracts.terms import Totals


class Status(StrEnum):
    DRAFT = "draft"
    ISSUED = "issued"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    CREDITED = "credited"


LIFECYCLE = Lifecycle(
    {
        Status.DRAFT: {Status.ISSUED},
        Status.ISSUED: {Status.PARTIALLY_PAID, Status.PAID, Status.CREDITED},
        Status.PARTIALLY_PAID: {Status.PAID},
    }
)

PAYMENT = "payment"


class TooMuch(DomainError):
    """More than is outstanding."""

    status = 422


class Invoice(Aggregate, frozen=True):
    """What a customer owes for a part of a contract."""

    status: Status = Status.DRAFT
    contract_id: ContractId
    deal_id: DealId
    account: Account
    legal_entity: str
    schedule_item: int
    lines: tuple[InvoiceLine, ...]
    totals: Totals
    paid: Money
    due_on: date
    issued_at: AwareDatetime
    paid_at: AwareDatetime | None = None
    overdue_since: date | None = None
    credit_note: str | None = None

    @property
    def outstanding(self) -> Money:
        if self.status is Status.CREDITED:
            return Money.zero(self.totals.gross.currency)
        return self.totals.gross - self.paid

    def _about(self) -> dict[str, Any]:
        return {
            "invoice_id": InvoiceId(self.id),
            "number": self.number,
            "contract_id": self.contract_id,
            "deal_id": self.deal_id,
        }

    def issue(self) -> tuple[Invoice, InvoiceIssued]:
        """From here on it never changes, only what was paid on it."""
        status = LIFECYCLE.move(self.status, Status.ISSUED)
        fact = InvoiceIssued(
            **self._about(),
            legal_entity=self.legal_entity,
            account=self.account,
            schedule_item=self.schedule_item,
            lines=self.lines,
            totals=self.totals,
            due_on=self.due_on,
            issued_at=self.issued_at,
        )
        return self.model_copy(update={"status": status}), fact

    def await_payment(self, *, at: datetime, due_at: datetime) -> Invoice:
        return self.wait_at(PAYMENT, owner="party:customer", at=at, due_at=due_at)

    def pay(
        self, amount: Money, *, by: str, at: datetime, now: datetime
    ) -> tuple[Invoice, InvoicePaid | None]:
        """Apply money; with nothing outstanding it is paid."""
        if amount.minor <= 0 or amount > self.outstanding:
            raise TooMuch(f"{amount} of {self.outstanding} outstanding on {self.number}")
        paid = self.paid + amount
        if paid < self.totals.gross:
            if self.status is not Status.PARTIALLY_PAID:
                LIFECYCLE.move(self.status, Status.PARTIALLY_PAID)
            partly = {"status": Status.PARTIALLY_PAID, "paid": paid}
            return self.model_copy(update=partly), None
        status = LIFECYCLE.move(self.status, Status.PAID)
        fact = InvoicePaid(**self._about(), gross=self.totals.gross, paid_at=at)
        invoice = self.pass_every_gate(by=by, at=now, evidence=f"{amount}")
        return invoice.model_copy(update={"status": status, "paid": paid, "paid_at": at}), fact

    def overdue(self, *, at: datetime) -> tuple[Invoice, InvoiceOverdue]:
        """Its day has passed and something is outstanding; said once."""
        fact = InvoiceOverdue(
            **self._about(), outstanding=self.outstanding, due_on=self.due_on, overdue_at=at
        )
        return self.model_copy(update={"overdue_since": at.date()}), fact

    def credit(
        self, *, note: str, reason: str, by: str, at: datetime
    ) -> tuple[Invoice, InvoiceCredited]:
        """Take back an invoice on which nothing was paid."""
        status = LIFECYCLE.move(self.status, Status.CREDITED)
        fact = InvoiceCredited(
            **self._about(),
            credit_note=note,
            amount=self.totals.gross,
            reason=reason,
            credited_by=by,
            credited_at=at,
        )
        invoice = self.pass_every_gate(by=by, at=at, evidence=note)
        return invoice.model_copy(update={"status": status, "credit_note": note}), fact
