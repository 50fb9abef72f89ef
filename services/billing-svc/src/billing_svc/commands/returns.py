"""Money that goes back: a payment that its bank took back, or a refund that we ordered."""

from __future__ import annotations

from datetime import timedelta

from billing_svc.commands.cash import OtherContent, StatementLine
from billing_svc.commands.invoice import save_and_settle
from billing_svc.domain import ledger
from billing_svc.domain.payment import Payment, Return
from billing_svc.storage import BillingAccounts, Invoices, Payments, post
from chassis.domain import Conflict, Refused
from chassis.transaction import Transaction
from contracts.ids import InvoiceId
from contracts.money import Money

PAID_BY = """
SELECT DISTINCT i.contract_id, i.id
FROM payment p, jsonb_array_elements(p.body->'allocations') a
JOIN invoice i ON i.id = (a->>'invoice_id')::uuid
WHERE p.id = $1
"""


class UnknownPayment(Refused):
    """The line takes back what was never received."""


async def take_return_line(line: StatementLine, tx: Transaction) -> tuple[Payment, bool]:
    """A line by which a payment, or a part of it, went back. What was not applied goes first; what
    paid invoices is taken back from them, and they are outstanding again."""
    found = await tx.read(
        "SELECT id FROM payment WHERE bank_reference = $1 LIMIT 2", line.returns or ""
    )
    if len(found) != 1:
        raise UnknownPayment(f"{len(found) or 'no'} payments have the reference {line.returns}")
    payment_id = found[0][0]
    paid = await tx.read(PAID_BY, payment_id)
    await tx.load_all(BillingAccounts, {contract_id for contract_id, _ in paid})
    await tx.load_all(Invoices, {invoice_id for _, invoice_id in paid})
    payment = await Payments(tx).get(payment_id)
    if not set(payment.invoices) <= {invoice_id for _, invoice_id in paid}:
        raise Conflict(f"{payment.number} was applied elsewhere meanwhile")
    if payment.amount.currency != line.amount.currency:
        raise OtherContent(f"{payment.number} was in {payment.amount.currency}")
    known = next((r for r in payment.returns if r.bank_reference == line.bank_reference), None)
    if known is not None:
        if known.amount != line.amount:
            raise OtherContent(f"{line.bank_reference} was {known.amount}, now {line.amount}")
        return payment, False
    if line.amount > payment.amount - payment.returned:
        raise OtherContent(f"{line.amount} goes back, but {payment.number} has not so much")
    if line.amount > payment.unapplied:
        payment = await _take_back(payment, line.amount - payment.unapplied, line, tx)
    transaction = post(
        tx,
        ledger.reverse(ledger.receive(payment.source, line.amount)),
        kind="return",
        journey_id=payment.journey_id,
        document=payment.number,
        at=line.booked_at,
    )
    returned = Return(
        bank_reference=line.bank_reference,
        amount=line.amount,
        reason=line.remittance or "returned",
        at=line.booked_at,
    )
    payment, fact = payment.give_back(returned, transaction=transaction, by="bank", now=tx.now)
    await Payments(tx).save(payment)
    tx.publish(fact)
    for contract_id in sorted({contract_id for contract_id, _ in paid}):
        await save_and_settle(await BillingAccounts(tx).get(contract_id), tx)
    return payment, True


async def _take_back(
    payment: Payment, amount: Money, line: StatementLine, tx: Transaction
) -> Payment:
    """So much of what it paid is outstanding again, on the invoices it paid last."""
    accounts, invoices = BillingAccounts(tx), Invoices(tx)
    parts, left = [], amount
    for invoice_id in reversed(payment.invoices):
        part = min(left, payment.applied_to(invoice_id))
        if part.is_zero:
            break
        left = left - part
        invoice = await invoices.get(invoice_id)
        account = await accounts.get(invoice.contract_id)
        due_at = tx.now + timedelta(days=account.payment_terms.net_days)
        invoice = await invoices.save(invoice.unpay(part, at=tx.now, due_at=due_at))
        await accounts.save(
            account.note(InvoiceId(invoice.id), invoice.outstanding, at=line.booked_at)
        )
        parts.append(invoice.allocation(part))
    transaction = post(
        tx,
        ledger.reverse(ledger.allocate(amount)),
        kind="unallocate",
        journey_id=payment.journey_id,
        document=payment.number,
        at=line.booked_at,
    )
    payment, fact = payment.take_back(
        tuple(parts),
        transaction=transaction,
        reason=line.remittance or "returned",
        by="bank",
        at=line.booked_at,
    )
    await Payments(tx).save(payment)
    tx.publish(fact)
    return payment
