"""A billing account: everything owed and earned under one contract."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, BaseModel

from chassis.domain import Aggregate, Lifecycle
from contracts.billing import InvoiceLine, JourneySettled
from contracts.ids import ContractId, DealId, InvoiceId, LeadId
from contracts.money import Money
from contracts.parties import Account, Owner
from contracts.terms import (
    ImportedOutcome,
    LineProgress,
    PaymentTerms,
    Prepayment,
    ScheduleItem,
    Totals,
)


class Status(StrEnum):
    OPEN = "open"
    SETTLED = "settled"


LIFECYCLE = Lifecycle({Status.OPEN: {Status.SETTLED}, Status.SETTLED: {Status.OPEN}})
"""A settled account opens again when money is taken back."""
CREDIT_DUE = "credit_due"


class BilledLine(BaseModel, frozen=True):
    """One contract line: how much of it is delivered, invoiced, earned."""

    line_no: int
    name: str
    ordered: int
    net: Money
    tax: Money
    delivered: int = 0
    cancelled: int = 0

    def share(self, amount: Money, quantity: int) -> Money:
        """The part of an amount that belongs to the first so many pieces; no cent is lost, because
        the next share starts where this one ends."""
        return Money(amount.minor * quantity // self.ordered, amount.currency)


class Charge(BaseModel, frozen=True):
    """An invoice of this account."""

    invoice_id: InvoiceId
    number: str
    item: int
    gross: Money
    outstanding: Money
    credited: Money


class BillingAccount(Aggregate, frozen=True):
    """What was contracted, invoiced, paid, delivered and earned."""

    status: Status = Status.OPEN
    contract_number: str
    deal_id: DealId
    lead_id: LeadId | None
    account: Account
    owner: Owner | None = None
    """The seller's, from the deal; who has no wider role sees what is theirs."""
    legal_entity: str
    lines: tuple[BilledLine, ...]
    totals: Totals
    payment_terms: PaymentTerms
    schedule: tuple[ScheduleItem, ...]
    charges: tuple[Charge, ...] = ()
    waived: tuple[int, ...] = ()
    """Schedule items that had nothing, or nothing more, to invoice."""
    forgiven: tuple[InvoiceLine, ...] = ()
    """What was delivered, or is to be, and is not owed: credited by a person."""
    prepayment: Prepayment | None = None
    prepayment_counts: bool | None = None
    """What was decided of it. `None` without a prepayment, and until the decision."""
    imported: ImportedOutcome | None = None
    fulfilled: bool = False
    recognised: Money
    signed_at: AwareDatetime
    last_fact_at: AwareDatetime
    """The business time of the latest fact; an imported journey settles in its own past."""

    @property
    def currency(self) -> str:
        return self.totals.gross.currency

    def sum_of(self, lines: Sequence[InvoiceLine]) -> Money:
        """What these lines come to, with tax."""
        return Money.total((line.net + line.tax for line in lines), self.currency)

    @property
    def due_on_signature(self) -> Money:
        """What a prepayment has to cover."""
        upfront = (item.amount for item in self.schedule if item.due == "on_signature")
        return Money.total(upfront, self.currency)

    @property
    def bills_by_delivery(self) -> bool:
        """Each delivery is invoiced by itself, rather than items of a schedule."""
        return len(self.schedule) == 1 and self.schedule[0].due == "on_delivery"

    @property
    def invoiced(self) -> Money:
        return Money.total((c.gross for c in self.charges), self.currency)

    @property
    def credited(self) -> Money:
        return Money.total((c.credited for c in self.charges), self.currency)

    @property
    def outstanding(self) -> Money:
        return Money.total((c.outstanding for c in self.charges), self.currency)

    @property
    def paid(self) -> Money:
        return self.invoiced - self.credited - self.outstanding

    @property
    def reduced(self) -> bool:
        """Less is owed than was contracted."""
        return bool(self.forgiven) or any(line.cancelled for line in self.lines)

    def owed_of(self, line: BilledLine) -> tuple[Money, Money]:
        """Net and tax of a line without what was cancelled or forgiven."""
        kept = line.ordered - line.cancelled
        net, tax = line.share(line.net, kept), line.share(line.tax, kept)
        for part in self.forgiven:
            if part.line_no == line.line_no:
                net, tax = net - part.net, tax - part.tax
        zero = Money.zero(self.currency)
        return max(net, zero), max(tax, zero)

    @property
    def owed(self) -> Money:
        """What will be due in all."""
        total = Money.zero(self.currency)
        for line in self.lines:
            net, tax = self.owed_of(line)
            total = total + net + tax
        return total

    def _earned(self, lines: Sequence[BilledLine]) -> Money:
        """The net of what was delivered and is owed."""
        total = Money.zero(self.currency)
        for line in lines:
            earned = line.share(line.net, line.delivered)
            if self.forgiven:
                earned = min(earned, self.owed_of(line)[0])
            total = total + earned
        return total

    def deliver(
        self, progress: Sequence[LineProgress], *, fulfilled: bool, at: datetime
    ) -> tuple[BillingAccount, Money, tuple[InvoiceLine, ...]]:
        """Take the newest word on deliveries. Returns the net now earned, and what to invoice of
        it. An older word changes nothing."""
        told = {line.line_no: line for line in progress}
        lines: list[BilledLine] = []
        parts: list[InvoiceLine] = []
        for line in self.lines:
            word = told.get(line.line_no)
            delivered = max(line.delivered, word.delivered if word else 0)
            cancelled = max(line.cancelled, word.cancelled if word else 0)
            if delivered > line.delivered:
                net = line.share(line.net, delivered) - line.share(line.net, line.delivered)
                tax = line.share(line.tax, delivered) - line.share(line.tax, line.delivered)
                parts.append(
                    InvoiceLine(
                        line_no=line.line_no,
                        description=f"{line.name} × {delivered - line.delivered}",
                        net=net,
                        tax=tax,
                    )
                )
            lines.append(line.model_copy(update={"delivered": delivered, "cancelled": cancelled}))
        recognised = max(self.recognised, self._earned(lines))
        account = self.model_copy(
            update={
                "lines": tuple(lines),
                "recognised": recognised,
                "fulfilled": self.fulfilled or fulfilled,
                "last_fact_at": max(self.last_fact_at, at),
            }
        )
        return account, recognised - self.recognised, tuple(parts)

    def item_lines(self, item: ScheduleItem) -> tuple[InvoiceLine, ...]:
        """A schedule item, spread over the contract's lines: net and tax add up to exactly its
        amount, and over all items to exactly what each line costs, because each item is shared out
        by what the items before it have left."""
        left = [amount.minor for line in self.lines for amount in (line.net, line.tax)]
        shares: list[Money] = []
        for taken in sorted(self.schedule, key=lambda one: one.n):
            if taken.n > item.n:
                break
            if not any(left):
                return ()
            shares = taken.amount.split(*left)
            left = [before - share.minor for before, share in zip(left, shares, strict=True)]
        return tuple(
            InvoiceLine(line_no=line.line_no, description=line.name, net=net, tax=tax)
            for line, net, tax in zip(self.lines, shares[::2], shares[1::2], strict=True)
        )

    def charge(self, charge: Charge, *, at: datetime) -> BillingAccount:
        return self.model_copy(
            update={
                "charges": (*self.charges, charge),
                "last_fact_at": max(self.last_fact_at, at),
            }
        )

    def note(
        self,
        invoice_id: InvoiceId,
        outstanding: Money,
        *,
        at: datetime,
        credited: Money | None = None,
    ) -> BillingAccount:
        """Something was paid on an invoice of this account, or taken back, or credited."""
        charges = []
        for c in self.charges:
            if c.invoice_id == invoice_id:
                total = c.credited if credited is None else c.credited + credited
                changed = {"outstanding": outstanding, "credited": total}
                charges.append(c.model_copy(update=changed))
            else:
                charges.append(c)
        status = self.status
        if credited is not None and status is Status.SETTLED:
            # What was said to be earned is no longer so: it is settled, and said, anew.
            status = LIFECYCLE.move(status, Status.OPEN)
        return self.model_copy(
            update={
                "charges": tuple(charges),
                "status": status,
                "last_fact_at": max(self.last_fact_at, at),
            }
        )

    def forgive(self, lines: Sequence[InvoiceLine]) -> tuple[BillingAccount, Money]:
        """These parts are not owed any more. Returns also what is no longer earned by that."""
        account = self.model_copy(update={"forgiven": (*self.forgiven, *lines)})
        recognised = min(self.recognised, account._earned(self.lines))
        account = account.model_copy(update={"recognised": recognised})
        return account, self.recognised - recognised

    def waive(self, item: int) -> BillingAccount:
        """Nothing is left that this item could charge."""
        return self.model_copy(update={"waived": (*self.waived, item)})

    def has_charged(self, item: int) -> bool:
        return item in self.waived or any(charge.item == item for charge in self.charges)

    def due_items(
        self, kind: Literal["on_signature", "on_delivery", "days_after_signature"], *, now: datetime
    ) -> list[ScheduleItem]:
        """Items that are due and not charged yet."""
        return [
            item
            for item in self.schedule
            if item.due == kind
            and not self.has_charged(item.n)
            and self.signed_at + timedelta(days=item.days) <= now
        ]

    @property
    def _over(self) -> bool:
        """All that is owed was invoiced, and nothing beyond it, and paid."""
        net_invoiced = self.invoiced - self.credited
        return self.fulfilled and net_invoiced == self.owed and self.outstanding.is_zero

    def settle(self, *, at: datetime) -> tuple[BillingAccount, JourneySettled | None]:
        """Done when all that was contracted is delivered or cancelled, invoiced and paid. What was
        invoiced for pieces that were then cancelled must be credited first: a gate for finance."""
        if self.status is Status.SETTLED:
            if self._over:
                return self, None
            status = LIFECYCLE.move(self.status, Status.OPEN)
            return self.model_copy(update={"status": status}).settle(at=at)
        if self.fulfilled and self.invoiced - self.credited > self.owed:
            due_at = at + timedelta(days=2)
            return self.wait_at(CREDIT_DUE, owner="role:finance", at=at, due_at=due_at), None
        if not self._over:
            return self.pass_gate(CREDIT_DUE, by="system:billing-svc", at=at), None
        status = LIFECYCLE.move(self.status, Status.SETTLED)
        settled_at = self.last_fact_at if self.imported else at
        account = self.pass_every_gate(by="system:billing-svc", at=at, evidence="settled")
        return account.model_copy(update={"status": status}), self._settled(settled_at)

    def _settled(self, at: datetime) -> JourneySettled:
        return JourneySettled(
            contract_id=ContractId(self.id),
            contract_number=self.contract_number,
            deal_id=self.deal_id,
            lead_id=self.lead_id,
            account=self.account,
            contracted=self.totals.gross,
            invoiced=self.invoiced,
            credited=self.credited,
            paid=self.paid,
            earned=self.recognised,
            settled_at=at,
        )
