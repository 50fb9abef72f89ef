"""A payment: money that arrived, and what it was for."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime

from chassis.domain import Aggregate, DomainError, Lifecycle
from contracts.billing import Allocation, PaymentAllocated, PaymentReceived
from contracts.ids import PaymentId
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
        Status.PARTLY_ALLOCATED: {Status.ALLOCATED},
    }
)

UNAPPLIED = "unapplied"


class NotSoMuchLeft(DomainError):
    """More than is left of the payment."""

    status = 422


class Payment(Aggregate, frozen=True):
    """One line of a bank's or provider's statement."""

    status: Status = Status.RECEIVED
    source: str
    bank_reference: str
    amount: Money
    payer: str | None = None
    remittance: str | None = None
    allocations: tuple[Allocation, ...] = ()
    received_at: AwareDatetime

    @property
    def unapplied(self) -> Money:
        return self.amount - Money.total((a.amount for a in self.allocations), self.amount.currency)

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
        payment = self.model_copy(update={"allocations": (*self.allocations, *parts)})
        target = Status.PARTLY_ALLOCATED if payment.unapplied else Status.ALLOCATED
        if target is not self.status:
            LIFECYCLE.move(self.status, target)
        payment = payment.model_copy(update={"status": target})
        if not payment.unapplied:
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
