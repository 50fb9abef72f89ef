"""Cash: money arrives, is applied to invoices, and settles journeys."""

from __future__ import annotations

from datetime import datetime, timedelta
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
from contracts.terms import Evidence, ImportedOutcome, Prepayment

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
    paid_invoice, paid = invoice.pay(
        amount, PaymentId(payment.id), by=evidence.by, at=evidence.at, now=tx.now
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


async def apply_known_payment(
    account: BillingAccount, invoice: Invoice, tx: Transaction, *, cite: str
) -> BillingAccount:
    """The invoice of an order that is already paid: by a provider's confirmation, which is a line
    of its clearing account, or by the record of a moved deal."""
    if account.imported is not None:
        line, evidence = _recorded(account.imported, account, invoice)
    elif account.prepayment is not None:
        line, evidence = _confirmed(account.prepayment, account, invoice, cite)
    else:
        return account
    payment = await Payments(tx).find(payment_id_of(line.source, line.bank_reference))
    if payment is None:
        payment, _ = await receive(line, tx, journey_id=account.journey_id)
    return await _apply_what_is_left(payment, account, invoice, evidence, tx)


async def apply_reported_payment(
    account: BillingAccount, invoice: Invoice, reference: str, tx: Transaction
) -> BillingAccount:
    """Nobody vouches for the prepayment, but the bank may have reported it before the contract
    came; otherwise its line is still to come."""
    reference = canonical(reference)
    rows = await tx.read(
        "SELECT id FROM payment WHERE bank_reference = $1 AND currency = $2"
        " AND unapplied_minor > 0 ORDER BY id LIMIT 1",
        reference,
        account.currency,
    )
    if not rows:
        return account
    payment = await Payments(tx).get(rows[0][0])
    evidence = Evidence(
        by=payment.payer or payment.source,
        at=max(payment.received_at, invoice.issued_at),
        method="bank",
        reference=reference,
    )
    return await _apply_what_is_left(payment, account, invoice, evidence, tx)


async def _apply_what_is_left(
    payment: Payment,
    account: BillingAccount,
    invoice: Invoice,
    evidence: Evidence,
    tx: Transaction,
) -> BillingAccount:
    amount = min(payment.unapplied, invoice.outstanding)
    if payment.amount.currency == account.currency and not amount.is_zero:
        payment, account = await apply(payment, account, invoice, amount, evidence, tx)
    await await_rest(payment, invoice, tx)
    return account


def _recorded(
    record: ImportedOutcome, account: BillingAccount, invoice: Invoice
) -> tuple[StatementLine, Evidence]:
    reference = f"{record.source_system}:{record.external_id}"
    line = StatementLine(
        bank_reference=reference,
        amount=invoice.totals.gross,
        booked_at=record.closed_at,
        payer=account.account.name,
        source="imported",
    )
    evidence = Evidence(
        by=f"import:{record.source_system}",
        at=record.closed_at,
        method="imported_record",
        reference=reference,
    )
    return line, evidence


def _confirmed(
    known: Prepayment, account: BillingAccount, invoice: Invoice, cite: str
) -> tuple[StatementLine, Evidence]:
    line = StatementLine(
        bank_reference=known.reference,
        amount=known.amount,
        booked_at=known.captured_at,
        payer=account.account.name,
        source=known.provider,
    )
    evidence = Evidence(
        by=known.provider,
        at=max(known.captured_at, invoice.issued_at),
        method="policy",
        reference=f"{cite} {known.reference}",
    )
    return line, evidence


async def await_rest(payment: Payment, invoice: Invoice, tx: Transaction) -> None:
    """What a prepayment is short of the customer pays; what is over finance applies."""
    current = await Invoices(tx).get(invoice.id)
    if not current.outstanding.is_zero:
        due_at = max(invoice.issued_at, tx.now) + timedelta(days=7)
        await Invoices(tx).save(current.await_payment(at=tx.now, due_at=due_at))
    if not payment.unapplied.is_zero:
        due_at = tx.now + timedelta(days=1)
        await Payments(tx).save(payment.await_application(at=tx.now, due_at=due_at))
