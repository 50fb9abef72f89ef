"""An invoice: issued once, never edited, paid or credited."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, BaseModel

from chassis.domain import Aggregate, DomainError, Lifecycle
from contracts.billing import (
    Allocation,
    InvoiceCredited,
    InvoiceIssued,
    InvoiceLine,
    InvoiceOverdue,
    InvoicePaid,
)
from contracts.ids import ContractId, DealId, InvoiceId, PaymentId
from contracts.money import Money
from contracts.parties import Account, Owner
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
        Status.PARTIALLY_PAID: {Status.ISSUED, Status.PAID},
        Status.PAID: {Status.ISSUED, Status.PARTIALLY_PAID},
    }
)

PAYMENT = "payment"


class TooMuch(DomainError):
    """More than is outstanding."""

    status = 422


class CreditNote(BaseModel, frozen=True):
    """A document that takes back a part of an invoice, or all of it."""

    number: str
    lines: tuple[InvoiceLine, ...]
    reason: str
    by: str
    at: AwareDatetime

    @property
    def net(self) -> Money:
        return Money.total((x.net for x in self.lines), self.lines[0].net.currency)

    @property
    def tax(self) -> Money:
        return Money.total((x.tax for x in self.lines), self.lines[0].tax.currency)


class Invoice(Aggregate, frozen=True):
    """What a customer owes for a part of a contract."""

    status: Status = Status.DRAFT
    contract_id: ContractId
    deal_id: DealId
    account: Account
    owner: Owner | None = None
    legal_entity: str
    schedule_item: int
    part: int = 0
    """Which of the invoices of that item: a delivery, or one issued again after a credit."""
    payment_reference: str | None = None
    """By which the customer said to have paid already."""
    lines: tuple[InvoiceLine, ...]
    totals: Totals
    paid: Money
    due_on: date
    issued_at: AwareDatetime
    paid_at: AwareDatetime | None = None
    overdue_since: date | None = None
    payments: tuple[PaymentId, ...] = ()
    """Every payment that was ever applied to it."""
    credit_notes: tuple[CreditNote, ...] = ()

    @property
    def credited(self) -> Money:
        notes = (note.net + note.tax for note in self.credit_notes)
        return Money.total(notes, self.totals.gross.currency)

    @property
    def outstanding(self) -> Money:
        return self.totals.gross - self.paid - self.credited

    @property
    def standing(self) -> tuple[InvoiceLine, ...]:
        """Its lines without what was credited."""
        left = {line.line_no: line for line in self.lines}
        for back in (line for note in self.credit_notes for line in note.lines):
            line = left[back.line_no]
            rest = {"net": line.net - back.net, "tax": line.tax - back.tax}
            left[back.line_no] = line.model_copy(update=rest)
        return tuple(left.values())

    def _about(self) -> dict[str, Any]:
        return {
            "invoice_id": InvoiceId(self.id),
            "number": self.number,
            "contract_id": self.contract_id,
            "deal_id": self.deal_id,
        }

    def allocation(self, amount: Money) -> Allocation:
        """So much of a payment on this invoice, with what is outstanding of it now."""
        return Allocation(
            invoice_id=InvoiceId(self.id),
            invoice_number=self.number,
            contract_id=self.contract_id,
            amount=amount,
            outstanding=self.outstanding,
        )

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
        self, amount: Money, payment: PaymentId, *, by: str, at: datetime, now: datetime
    ) -> tuple[Invoice, InvoicePaid | None]:
        """Apply money; with nothing outstanding it is paid."""
        if amount.minor <= 0 or amount > self.outstanding:
            raise TooMuch(f"{amount} of {self.outstanding} outstanding on {self.number}")
        payments = tuple(dict.fromkeys((*self.payments, payment)))
        invoice = self.model_copy(update={"paid": self.paid + amount, "payments": payments})
        if not invoice.outstanding.is_zero:
            return invoice._moved(Status.PARTIALLY_PAID), None
        return invoice._fully_paid(by=by, at=at, now=now, evidence=f"{amount}")

    def unpay(self, amount: Money, *, at: datetime, due_at: datetime) -> Invoice:
        """Money that paid it was taken back: so much is outstanding again."""
        if not 0 < amount.minor <= self.paid.minor:
            raise TooMuch(f"{amount} of {self.paid} paid on {self.number}")
        paid = self.paid - amount
        invoice = self.model_copy(update={"paid": paid, "paid_at": None})
        invoice = invoice._moved(Status.ISSUED if paid.is_zero else Status.PARTIALLY_PAID)
        return invoice.await_payment(at=at, due_at=due_at)

    def _moved(self, target: Status) -> Invoice:
        if target is not self.status:
            LIFECYCLE.move(self.status, target)
        return self.model_copy(update={"status": target})

    def _fully_paid(
        self, *, by: str, at: datetime, now: datetime, evidence: str
    ) -> tuple[Invoice, InvoicePaid]:
        fact = InvoicePaid(**self._about(), gross=self.totals.gross, paid_at=at)
        invoice = self._moved(Status.PAID).pass_every_gate(by=by, at=now, evidence=evidence)
        return invoice.model_copy(update={"paid_at": at}), fact

    def overdue(self, *, at: datetime) -> tuple[Invoice, InvoiceOverdue]:
        """Its day has passed and something is outstanding; said once."""
        fact = InvoiceOverdue(
            **self._about(), outstanding=self.outstanding, due_on=self.due_on, overdue_at=at
        )
        return self.model_copy(update={"overdue_since": at.date()}), fact

    def credit(self, note: CreditNote) -> tuple[Invoice, list[InvoiceCredited | InvoicePaid]]:
        """Take back a part that nobody paid, or all of it. What was paid must be freed first."""
        amount = note.net + note.tax
        left = {line.line_no: line for line in self.standing}
        for line in note.lines:
            whole = left.get(line.line_no)
            if whole is None or min(line.net.minor, line.tax.minor) < 0:
                raise TooMuch(f"{self.number} has nothing like that on line {line.line_no}")
            if line.net > whole.net or line.tax > whole.tax:
                raise TooMuch(f"more than is left of line {line.line_no} of {self.number}")
        if amount.minor <= 0 or amount > self.outstanding:
            raise TooMuch(f"{amount} of {self.outstanding} outstanding on {self.number}")
        invoice = self.model_copy(update={"credit_notes": (*self.credit_notes, note)})
        credited = InvoiceCredited(
            **self._about(),
            credit_note=note.number,
            amount=amount,
            reason=note.reason,
            credited_by=note.by,
            credited_at=note.at,
            lines=note.lines,
            outstanding=invoice.outstanding,
        )
        if not invoice.outstanding.is_zero:
            return invoice, [credited]
        if not invoice.paid.is_zero:
            invoice, paid = invoice._fully_paid(
                by=note.by, at=note.at, now=note.at, evidence=note.number
            )
            return invoice, [credited, paid]
        invoice = invoice._moved(Status.CREDITED)
        return invoice.pass_every_gate(by=note.by, at=note.at, evidence=note.number), [credited]
