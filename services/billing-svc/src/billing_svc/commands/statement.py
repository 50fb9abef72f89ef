"""The bank's statement: each line is booked once, and applied to what it pays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from billing_svc.commands.cash import StatementLine, apply_and_settle, payment_id_of, receive
from billing_svc.commands.payout import captured_payment, take_payout_line
from billing_svc.commands.returns import RETURNED, take_return_line
from billing_svc.domain.invoice import Invoice
from billing_svc.domain.payment import Payment
from billing_svc.domain.remittance import invoice_numbers, possible_references
from billing_svc.storage import BillingAccounts, Invoices, Payments
from chassis.claims import claim
from chassis.transaction import Transaction
from contracts.ids import new_id
from contracts.keys import company_key
from contracts.terms import Evidence

BY_NUMBER = "SELECT id, contract_id FROM invoice WHERE number = ANY($1::text[]) AND currency = $2"
BY_REFERENCE = """
SELECT id, contract_id FROM invoice
WHERE payment_reference = ANY($1::text[]) AND outstanding_minor > 0 AND currency = $2 LIMIT 2
"""
BY_AMOUNT = """
SELECT id, contract_id FROM invoice
WHERE outstanding_minor = $1 AND currency = $2 AND account_name = ANY($3::text[]) LIMIT 2
"""
DEBTORS = """
SELECT DISTINCT account_name FROM invoice
WHERE outstanding_minor = $1 AND outstanding_minor > 0 AND currency = $2
"""


def in_booking_order(lines: Sequence[StatementLine]) -> list[int]:
    """The places of these lines in the order to book them: what takes money back comes after all
    that brings some, because a statement may list a return before its payment."""
    return sorted(range(len(lines)), key=lambda n: lines[n].returns is not None)


async def lock_named(lines: Sequence[StatementLine], tx: Transaction) -> None:
    """Lock what the lines name in one order, so that two statements never wait for each other."""
    texts = ((line.bank_reference, line.remittance) for line in lines)
    references = {reference for text in texts for reference in possible_references(*text)}
    await claim(tx, Payments, [payment_id_of("bank", reference) for reference in references])
    found = []
    for currency in {line.amount.currency for line in lines}:
        numbers = {n for x in lines for n in invoice_numbers(_text(x))}
        found += await tx.read(BY_NUMBER, sorted(numbers), currency)
    returned = sorted({line.returns for line in lines if line.returns is not None})
    if returned:
        found += await tx.read(RETURNED, returned)
    await tx.load_all(BillingAccounts, {contract_id for _, contract_id in found})
    await tx.load_all(Invoices, {invoice_id for invoice_id, _ in found})


async def take_statement_line(line: StatementLine, tx: Transaction) -> tuple[Payment, bool]:
    """A bank line: recorded, and applied to the invoice that it names or exactly pays."""
    if line.returns is not None:
        return await take_return_line(line, tx)
    captured = await captured_payment(line, tx)
    if captured is not None:
        return await take_payout_line(captured, line, tx)
    invoice = await _named_invoice(line, tx)
    payment, new = await receive(line, tx, journey_id=new_id())
    if not new:
        return payment, False
    if invoice is not None and not invoice.outstanding.is_zero:
        evidence = Evidence(
            by=line.payer or line.source,
            at=line.booked_at,
            method="bank",
            reference=line.bank_reference,
        )
        amount = min(line.amount, invoice.outstanding)
        payment = await apply_and_settle(payment, invoice, amount, evidence, tx)
    if not payment.unapplied.is_zero:
        due_at = tx.now + timedelta(days=1)
        payment = await Payments(tx).save(payment.await_application(at=tx.now, due_at=due_at))
    return payment, True


def _text(line: StatementLine) -> str:
    """All that may name an invoice. A number does not go on from one field into the next."""
    return f"{line.remittance or ''} | {line.bank_reference}"


async def _named_invoice(line: StatementLine, tx: Transaction) -> Invoice | None:
    """By number in the remittance, else by the reference of a prepayment, else the only open
    invoice of exactly this amount and payer. A bank writes names in its own way, so payers are
    compared by `company_key`. Locked behind its account."""
    numbers = invoice_numbers(_text(line))
    currency = line.amount.currency
    if numbers:
        rows = await tx.read(BY_NUMBER, numbers, currency)
    else:
        references = possible_references(line.bank_reference, line.remittance)
        rows = await tx.read(BY_REFERENCE, references, currency)
        if not rows and line.payer:
            debtors = await tx.read(DEBTORS, line.amount.minor, currency)
            payer = company_key(line.payer)
            names = [row[0] for row in debtors if company_key(row[0]) == payer]
            rows = await tx.read(BY_AMOUNT, line.amount.minor, currency, names) if names else []
    if len(rows) != 1:
        return None
    invoice_id, contract_id = rows[0]
    await BillingAccounts(tx).get(contract_id)
    return await Invoices(tx).get(invoice_id)
