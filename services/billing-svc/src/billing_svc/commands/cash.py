"""Cash: money arrives, is applied to invoices, and settles journeys."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel

from billing_svc.commands.invoice import save_and_settle
from billing_svc.domain import ledger
from billing_svc.domain.account import BillingAccount
from billing_svc.domain.invoice import Invoice
from billing_svc.domain.payment import Payment
from billing_svc.storage import BillingAccounts, Invoices, Payments, contract_of, post
from chassis.domain import Refused
from chassis.transaction import Transaction
from contracts.ids import InvoiceId, PaymentId, derived_id
from contracts.money import Money
from contracts.references import canonical
from contracts.terms import Evidence

PAYMENTS = UUID("6c74632d-7061-796d-656e-000000000001")


class OtherContent(Refused):
    """This bank reference is known with other content: one of the two is wrong, or they are two
    lines that their bank gave one reference. Neither is dropped silently."""


class OtherCurrency(Refused):
    """Money of one currency pays nothing in another."""


class StatementLine(BaseModel, frozen=True):
    """A line of a bank's statement."""

    bank_reference: str
    amount: Money
    booked_at: AwareDatetime
    payer: str | None = None
    remittance: str | None = None
    source: str = "bank"
    returns: str | None = None
    """The reference of the line whose money this one takes back."""


def payment_id_of(source: str, reference: str) -> UUID:
    """The same line twice is one payment."""
    return derived_id(PAYMENTS, f"{source}:{canonical(reference)}")


def must_agree(
    line: StatementLine, amount: Money, at: datetime, payer: str | None, text: str | None
) -> None:
    """Raise OtherContent when a line whose reference is known comes again with other content."""
    parts = (
        ("amount", amount, line.amount),
        ("booking time", at, line.booked_at),
        ("payer", canonical(payer or ""), canonical(line.payer or "")),
        ("text", canonical(text or ""), canonical(line.remittance or "")),
    )
    differ = [f"{name} was {was!s} and is {now!s}" for name, was, now in parts if was != now]
    if differ:
        raise OtherContent(f"{line.bank_reference} is known; {', '.join(differ)}")


async def receive(
    line: StatementLine, tx: Transaction, *, journey_id: UUID
) -> tuple[Payment, bool]:
    """Record money that arrived; says whether it is new. Raises OtherContent."""
    payments = Payments(tx)
    payment_id = payment_id_of(line.source, line.bank_reference)
    known = await payments.find(payment_id)
    if known is not None:
        must_agree(line, known.amount, known.received_at, known.payer, known.remittance)
        return known, False
    payment = Payment(
        id=payment_id,
        journey_id=journey_id,
        number=await tx.number("P"),
        source=line.source,
        bank_reference=line.bank_reference,
        amount=line.amount,
        payer=line.payer,
        remittance=line.remittance,
        received_at=line.booked_at,
    )
    await payments.save(payment)
    tx.publish(payment.received())
    post(
        tx,
        ledger.receive(line.source, line.amount),
        kind="receive",
        journey_id=payment.journey_id,
        document=payment.number,
        at=line.booked_at,
    )
    return payment, True


async def apply(
    payment: Payment,
    account: BillingAccount,
    invoice: Invoice,
    amount: Money,
    evidence: Evidence,
    tx: Transaction,
) -> tuple[Payment, BillingAccount]:
    """Apply a part of a payment to one invoice; the account is the caller's to save."""
    # A payer's name comes from the bank's text: it says nothing about who acted here.
    by = "system:bank" if evidence.method == "bank" else evidence.by
    paid_invoice, paid = invoice.pay(
        amount, PaymentId(payment.id), by=by, at=evidence.at, now=tx.now
    )
    await Invoices(tx).save(paid_invoice)
    transaction = post(
        tx,
        ledger.allocate(amount),
        kind="allocate",
        journey_id=invoice.journey_id,
        document=payment.number,
        at=evidence.at,
    )
    part = paid_invoice.allocation(amount)
    allocated, fact = payment.allocate(
        (part,), transaction=transaction, evidence=evidence, now=tx.now
    )
    await Payments(tx).save(allocated)
    tx.publish(fact)
    if paid is not None:
        tx.publish(paid)
    account = account.note(InvoiceId(invoice.id), paid_invoice.outstanding, at=evidence.at)
    return allocated, account


async def apply_and_settle(
    payment: Payment, invoice: Invoice, amount: Money, evidence: Evidence, tx: Transaction
) -> Payment:
    account = await BillingAccounts(tx).get(invoice.contract_id)
    payment, account = await apply(payment, account, invoice, amount, evidence, tx)
    await save_and_settle(account, tx)
    return payment


async def allocate_by_hand(
    payment_id: UUID, invoice_id: UUID, amount: Money, tx: Transaction
) -> Payment:
    """Finance says what a payment was for."""
    await BillingAccounts(tx).get(await contract_of(invoice_id, tx))
    invoice = await Invoices(tx).get(invoice_id)
    payment = await Payments(tx).get(payment_id)
    if payment.amount.currency != invoice.totals.gross.currency:
        raise OtherCurrency("payment and invoice are in different currencies")
    evidence = Evidence(by=tx.actor.sub, at=tx.now, method="person")
    return await apply_and_settle(payment, invoice, amount, evidence, tx)
