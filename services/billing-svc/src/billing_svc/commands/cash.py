"""Cash: money arrives, is matched to invoices, and settles journeys."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

from pydantic import AwareDatetime, BaseModel

from billing_svc.commands.invoice import save_and_settle
from billing_svc.domain import ledger
from billing_svc.domain.account import BillingAccount
from billing_svc.domain.invoice import Invoice
from billing_svc.domain.payment import Payment
from billing_svc.storage import BillingAccounts, Invoices, Payments, post
from chassis.domain import NotFound, Refused
from chassis.transaction import Transaction
from contracts.billing import Allocation
from contracts.ids import InvoiceId, derived_id, new_id
from contracts.money import Money
from contracts.terms import Evidence

PAYMENTS = UUID("6c74632d-7061-796d-656e-000000000001")
INVOICE_NUMBER = re.compile(r"INV-\d{4}-\d{6}")


class OtherContent(Refused):
    """This bank reference is known with another amount: one of the two is wrong."""


class StatementLine(BaseModel, frozen=True):
    """A line of a bank's statement."""

    bank_reference: str
    amount: Money
    booked_at: AwareDatetime
    payer: str | None = None
    remittance: str | None = None
    source: str = "bank"


def payment_id_of(source: str, reference: str) -> UUID:
    """The same line twice is one payment."""
    return derived_id(PAYMENTS, f"{source}:{reference}")


async def receive(
    line: StatementLine, tx: Transaction, *, journey_id: UUID
) -> tuple[Payment, bool]:
    """Record money that arrived; says whether it is new. Raises OtherContent."""
    payments = Payments(tx)
    payment_id = payment_id_of(line.source, line.bank_reference)
    known = await payments.find(payment_id)
    if known is not None:
        if known.amount != line.amount:
            raise OtherContent(
                f"{line.bank_reference} was {known.amount} before and is {line.amount} now"
            )
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
    paid_invoice, paid = invoice.pay(amount, by=evidence.by, at=evidence.at, now=tx.now)
    await Invoices(tx).save(paid_invoice)
    transaction = post(
        tx,
        ledger.allocate(amount),
        kind="allocate",
        journey_id=invoice.journey_id,
        document=payment.number,
        at=evidence.at,
    )
    part = Allocation(
        invoice_id=InvoiceId(invoice.id),
        invoice_number=invoice.number,
        contract_id=invoice.contract_id,
        amount=amount,
        outstanding=paid_invoice.outstanding,
    )
    allocated, fact = payment.allocate(
        (part,), transaction=transaction, evidence=evidence, now=tx.now
    )
    await Payments(tx).save(allocated)
    tx.publish(fact)
    if paid is not None:
        tx.publish(paid)
    account = account.note(InvoiceId(invoice.id), paid_invoice.outstanding, at=evidence.at)
    return allocated, account


async def take_statement_line(line: StatementLine, tx: Transaction) -> tuple[Payment, bool]:
    """A bank line: recorded, and applied to the invoice that it names or exactly pays."""
    payment, new = await receive(line, tx, journey_id=new_id())
    if not new:
        return payment, False
    invoice = await _named_invoice(line, tx)
    if invoice is None or not invoice.outstanding:
        due_at = tx.now + timedelta(days=1)
        await Payments(tx).save(payment.await_application(at=tx.now, due_at=due_at))
        return payment, True
    evidence = Evidence(
        by=line.payer or line.source,
        at=line.booked_at,
        method="bank",
        reference=line.bank_reference,
    )
    amount = min(line.amount, invoice.outstanding)
    payment = await _apply_and_settle(payment, invoice, amount, evidence, tx)
    if payment.unapplied:
        due_at = tx.now + timedelta(days=1)
        await Payments(tx).save(payment.await_application(at=tx.now, due_at=due_at))
    return payment, True


async def _apply_and_settle(
    payment: Payment, invoice: Invoice, amount: Money, evidence: Evidence, tx: Transaction
) -> Payment:
    account = await BillingAccounts(tx).get(invoice.contract_id)
    payment, account = await apply(payment, account, invoice, amount, evidence, tx)
    await save_and_settle(account, tx)
    return payment


async def _named_invoice(line: StatementLine, tx: Transaction) -> Invoice | None:
    """By number in the remittance, else the only open invoice of exactly this amount and payer."""
    numbers = INVOICE_NUMBER.findall(f"{line.remittance or ''} {line.bank_reference}")
    if numbers:
        rows = await tx.read("SELECT id FROM invoice WHERE number = $1", numbers[0])
    else:
        rows = await tx.read(
            "SELECT id FROM invoice WHERE outstanding_minor = $1 AND currency = $2"
            " AND account_name = $3 LIMIT 2",
            line.amount.minor,
            line.amount.currency,
            line.payer or "",
        )
    if len(rows) != 1:
        return None
    invoice = await Invoices(tx).get(rows[0][0])
    return invoice if invoice.totals.gross.currency == line.amount.currency else None


async def allocate_by_hand(
    payment_id: UUID, invoice_id: UUID, amount: Money, tx: Transaction
) -> Payment:
    """Finance says what a payment was for."""
    payment = await Payments(tx).get(payment_id)
    invoice = await Invoices(tx).get(invoice_id)
    if payment.amount.currency != invoice.totals.gross.currency:
        raise NotFound("payment and invoice are in different currencies")
    evidence = Evidence(by=tx.actor.sub, at=tx.now, method="person")
    return await _apply_and_settle(payment, invoice, amount, evidence, tx)


async def apply_known_payment(
    account: BillingAccount, invoice: Invoice, tx: Transaction, *, cite: str
) -> BillingAccount:
    """The invoice of an order that is already paid: by a provider's confirmation, which is a line
    of its clearing account, or by the record of a moved deal."""
    evidence: Evidence
    if account.imported is not None:
        record = account.imported
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
    elif account.prepayment is not None:
        known = account.prepayment
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
    else:
        return account
    payment, _ = await receive(line, tx, journey_id=account.journey_id)
    amount = min(payment.unapplied, invoice.outstanding)
    if not amount:
        return account
    payment, account = await apply(payment, account, invoice, amount, evidence, tx)
    await await_rest(payment, invoice, tx)
    return account


async def await_rest(payment: Payment, invoice: Invoice, tx: Transaction) -> None:
    """What a prepayment is short of the customer pays; what is over finance applies."""
    current = await Invoices(tx).get(invoice.id)
    if current.outstanding:
        due_at = max(invoice.issued_at, tx.now) + timedelta(days=7)
        await Invoices(tx).save(current.await_payment(at=tx.now, due_at=due_at))
    if payment.unapplied:
        due_at = tx.now + timedelta(days=1)
        await Payments(tx).save(payment.await_application(at=tx.now, due_at=due_at))
