"""A payment: money that arrived, and what it was for."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime, BaseModel

from chassis.domain import Aggregate, DomainError, Lifecycle
from contracts.billing import (
    Allocation,
    PaymentAllocated,
    PaymentReceived,
    PaymentReturned,
    PaymentUnallocated,
)
from contracts.ids import InvoiceId, PaymentId
from contracts.money import Money
from contracts.terms import Evidence


class Status(StrEnum):
    RECEIVED = "received"
    PARTLY_ALLOCATED = "partly_allocated"
    ALLOCATED = "allocated"
    RETURNED = "returned"


LIFECYCLE = Lifecycle(
    {
        Status.RECEIVED: {Status.PARTLY_ALLOCATED, Status.ALLOCATED, Status.RETURNED},
        Status.PARTLY_ALLOCATED: {Status.RECEIVED, Status.ALLOCATED},
        Status.ALLOCATED: {Status.RECEIVED, Status.PARTLY_ALLOCATED},
    }
)

UNAPPLIED = "unapplied"
BANK_SOURCE = "bank"


class NotSoMuchLeft(DomainError):
    """More than is left of the payment."""

    status = 422


class Return(BaseModel, frozen=True):
    """Money of a payment that went back, by a statement line of its own."""

    bank_reference: str
    amount: Money
    reason: str
    at: AwareDatetime
    from_bank: Money | None = None
    """How much of it left the bank; the rest was kept back by the provider. `None` in returns that
    were booked before payouts were."""


class Payout(BaseModel, frozen=True):
    """What a provider paid to the bank of the money that it had captured."""

    bank_reference: str
    amount: Money
    payer: str | None = None
    remittance: str | None = None
    at: AwareDatetime


class Payment(Aggregate, frozen=True):
    """One line of a bank's or provider's statement."""

    status: Status = Status.RECEIVED
    source: str
    bank_reference: str
    amount: Money
    payer: str | None = None
    remittance: str | None = None
    allocations: tuple[Allocation, ...] = ()
    """What it was for, in order; taken back is a negative one."""
    returns: tuple[Return, ...] = ()
    payouts: tuple[Payout, ...] = ()
    received_at: AwareDatetime

    @property
    def allocated(self) -> Money:
        return Money.total((a.amount for a in self.allocations), self.amount.currency)

    @property
    def returned(self) -> Money:
        return Money.total((r.amount for r in self.returns), self.amount.currency)

    @property
    def not_paid_out(self) -> Money:
        """What its provider has captured and not yet paid to the bank."""
        paid_out = (p.amount for p in self.payouts)
        return self.amount - Money.total(paid_out, self.amount.currency)

    @property
    def at_bank(self) -> Money:
        """The part that lies at the bank; the rest lies with the provider."""
        if self.source == BANK_SOURCE:
            return self.amount - self.returned
        left = (r.from_bank for r in self.returns if r.from_bank is not None)
        gone = Money.total(left, self.amount.currency)
        return self.amount - self.not_paid_out - gone

    @property
    def unapplied(self) -> Money:
        return self.amount - self.allocated - self.returned

    def applied_to(self, invoice_id: InvoiceId) -> Money:
        """What of it pays this invoice now."""
        parts = (a.amount for a in self.allocations if a.invoice_id == invoice_id)
        return Money.total(parts, self.amount.currency)

    @property
    def invoices(self) -> tuple[InvoiceId, ...]:
        """The invoices that it pays now."""
        known = dict.fromkeys(a.invoice_id for a in self.allocations)
        return tuple(invoice_id for invoice_id in known if not self.applied_to(invoice_id).is_zero)

    def pay_out(self, payout: Payout) -> Payment:
        """The provider has paid it, or a part of it, to the bank."""
        if payout.amount > self.not_paid_out:
            left = f"{self.not_paid_out} of {self.number} left with {self.source}"
            raise NotSoMuchLeft(f"{payout.amount} is paid out, and {left}")
        return self.model_copy(update={"payouts": (*self.payouts, payout)})

    def received(self) -> PaymentReceived:
        """What is said of money that just arrived."""
        return PaymentReceived(
            payment_id=PaymentId(self.id),
            number=self.number,
            bank_reference=self.bank_reference,
            source=self.source,
            amount=self.amount,
            payer=self.payer,
            unapplied=self.unapplied,
            received_at=self.received_at,
        )

    def await_application(self, *, at: datetime, due_at: datetime) -> Payment:
        """Nobody knows what it is for: finance finds out."""
        return self.wait_at(UNAPPLIED, owner="role:finance", at=at, due_at=due_at)

    def allocate(
        self, parts: tuple[Allocation, ...], *, transaction: UUID, evidence: Evidence, now: datetime
    ) -> tuple[Payment, PaymentAllocated]:
        """Say what it was for."""
        total = Money.total((part.amount for part in parts), self.amount.currency)
        if total > self.unapplied:
            raise NotSoMuchLeft(f"{total} of {self.unapplied} left of {self.number}")
        payment = self._with(allocations=(*self.allocations, *parts))
        if payment.unapplied.is_zero:
            payment = payment.pass_gate(UNAPPLIED, by=evidence.by, at=now, evidence=evidence.method)
        fact = PaymentAllocated(
            payment_id=PaymentId(self.id),
            number=self.number,
            allocations=parts,
            unapplied=payment.unapplied,
            ledger_transaction=transaction,
            evidence=evidence,
            allocated_at=evidence.at,
        )
        return payment, fact

    def take_back(
        self,
        parts: tuple[Allocation, ...],
        *,
        transaction: UUID,
        reason: str,
        by: str,
        at: datetime,
    ) -> tuple[Payment, PaymentUnallocated]:
        """It was not for these invoices after all, or not so much of it."""
        for part in parts:
            if not 0 < part.amount.minor <= self.applied_to(part.invoice_id).minor:
                raise NotSoMuchLeft(f"{part.amount} of {part.invoice_number} was not paid by this")
        back = (part.model_copy(update={"amount": -part.amount}) for part in parts)
        payment = self._with(allocations=(*self.allocations, *back))
        fact = PaymentUnallocated(
            payment_id=PaymentId(self.id),
            number=self.number,
            allocations=parts,
            unapplied=payment.unapplied,
            reason=reason,
            ledger_transaction=transaction,
            unallocated_by=by,
            unallocated_at=at,
        )
        return payment, fact

    def give_back(
        self, returned: Return, *, transaction: UUID, by: str, now: datetime
    ) -> tuple[Payment, PaymentReturned]:
        """What is left of it, or a part of that, goes back where it came from."""
        if not 0 < returned.amount.minor <= self.unapplied.minor:
            raise NotSoMuchLeft(f"{returned.amount} of {self.unapplied} left of {self.number}")
        payment = self._with(returns=(*self.returns, returned))
        if payment.unapplied.is_zero:
            payment = payment.pass_gate(UNAPPLIED, by=by, at=now, evidence=returned.reason)
        fact = PaymentReturned(
            payment_id=PaymentId(self.id),
            number=self.number,
            bank_reference=returned.bank_reference,
            amount=returned.amount,
            unapplied=payment.unapplied,
            reason=returned.reason,
            ledger_transaction=transaction,
            returned_by=by,
            returned_at=returned.at,
        )
        return payment, fact

    def _with(self, **changes: object) -> Payment:
        """The changed payment, in the status that its sums amount to."""
        payment = self.model_copy(update=changes)
        if payment.returned == payment.amount:
            target = Status.RETURNED
        elif payment.unapplied.is_zero:
            target = Status.ALLOCATED
        else:
            target = Status.RECEIVED if payment.allocated.is_zero else Status.PARTLY_ALLOCATED
        if target is not self.status:
            LIFECYCLE.move(self.status, target)
        return payment.model_copy(update={"status": target})
