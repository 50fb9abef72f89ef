"""Money that goes back: a payment that its bank took back, or a refund that we ordered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from billing_svc.commands.cash import OtherContent, StatementLine, must_agree, payment_id_of
from billing_svc.commands.invoice import save_and_settle
from billing_svc.domain import ledger
from billing_svc.domain.payment import Payment, Return
from billing_svc.storage import BillingAccounts, Invoices, Payments, post
from chassis.domain import Conflict, Refused
from chassis.transaction import Transaction
from contracts.ids import ContractId, InvoiceId
from contracts.money import Money

RETURNED = """
SELECT DISTINCT i.id, i.contract_id
FROM payment p, jsonb_array_elements(p.body->'allocations') a
JOIN invoice i ON i.id = (a->>'invoice_id')::uuid
WHERE p.bank_reference = ANY($1::text[])
"""
NAMED = """
SELECT DISTINCT p.id, i.contract_id, i.id AS invoice_id
FROM payment p LEFT JOIN jsonb_array_elements(p.body->'allocations') a ON true
LEFT JOIN invoice i ON i.id = (a->>'invoice_id')::uuid
WHERE p.bank_reference = $1 OR (p.bank_reference = $3 AND p.source = $2)
ORDER BY p.id
"""


class UnknownPayment(Refused):
    """The line takes back what was never received."""


async def take_return_line(line: StatementLine, tx: Transaction) -> tuple[Payment, bool]:
    """A line by which a payment, or a part of it, went back. What was not applied goes first; what
    paid invoices is taken back from them, and they are outstanding again."""
    line = line.model_copy(update={"remittance": line.remittance or "returned"})
    payment, contracts = await _returned_payment(line, tx)
    known = _return(payment, line.bank_reference)
    if known is not None:
        must_agree(line, known.amount, known.at, line.payer, known.reason)
        return payment, False
    if line.amount > payment.unapplied:
        payment = await _take_back(payment, line.amount - payment.unapplied, line, tx)
    from_bank = min(line.amount, payment.at_bank)
    transaction = post(
        tx,
        ledger.give_back(payment.source, line.amount, from_bank),
        kind="return",
        journey_id=payment.journey_id,
        document=payment.number,
        at=line.booked_at,
    )
    returned = Return(
        bank_reference=line.bank_reference,
        amount=line.amount,
        reason=line.remittance or "",
        at=line.booked_at,
        from_bank=from_bank,
    )
    payment, fact = payment.give_back(returned, transaction=transaction, by="bank", now=tx.now)
    await Payments(tx).save(payment)
    tx.publish(fact)
    for contract_id in sorted(contracts):
        await save_and_settle(await BillingAccounts(tx).get(contract_id), tx)
    return payment, True


def _return(payment: Payment, reference: str) -> Return | None:
    return next((r for r in payment.returns if r.bank_reference == reference), None)


async def _returned_payment(
    line: StatementLine, tx: Transaction
) -> tuple[Payment, set[ContractId]]:
    """The payment that a line takes back, locked behind the accounts and invoices that it pays;
    and those accounts. Raises UnknownPayment or OtherContent."""
    reference = line.returns or ""
    if await Payments(tx).find(payment_id_of("bank", line.bank_reference)) is not None:
        raise OtherContent(f"{line.bank_reference} is booked as a payment already")
    source, _, of_source = reference.partition(":")
    found = await tx.read(NAMED, reference, source, of_source)
    paid = [row for row in found if row["invoice_id"] is not None]
    await tx.load_all(BillingAccounts, {row["contract_id"] for row in paid})
    await tx.load_all(Invoices, {row["invoice_id"] for row in paid})
    payments = [await Payments(tx).get(i) for i in dict.fromkeys(row["id"] for row in found)]
    if not payments:
        # A payment of this very statement is not in the database yet.
        new = await Payments(tx).find(payment_id_of("bank", reference))
        payments = [] if new is None else [new]
    payment = _chosen(payments, line)
    locked = {row["invoice_id"] for row in paid}
    if found and not set(payment.invoices) <= locked:
        raise Conflict(f"{payment.number} was applied elsewhere meanwhile")
    invoices = [await Invoices(tx).get(invoice_id) for invoice_id in payment.invoices]
    return payment, {invoice.contract_id for invoice in invoices}


def _chosen(payments: Sequence[Payment], line: StatementLine) -> Payment:
    """Of the payments with this reference the only one that the line can take back."""
    known = [p for p in payments if _return(p, line.bank_reference) is not None]
    fitting = [p for p in payments if _can_give_back(p, line.amount)]
    if len(known) == 1:
        return known[0]
    if len(fitting) == 1:
        return fitting[0]
    if len(fitting) > 1:
        names = " or ".join(f"{p.source}:{p.bank_reference}" for p in fitting)
        raise UnknownPayment(f"several payments have the reference {line.returns}: say {names}")
    if not payments:
        raise UnknownPayment(f"no payment has the reference {line.returns}")
    left = ", ".join(f"{p.amount - p.returned} of {p.number}" for p in payments)
    raise OtherContent(f"{line.amount} goes back, but what can go back is {left}")


def _can_give_back(payment: Payment, amount: Money) -> bool:
    if payment.amount.currency != amount.currency:
        return False
    return amount <= payment.amount - payment.returned


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
        reason=line.remittance or "",
        by="bank",
        at=line.booked_at,
    )
    await Payments(tx).save(payment)
    tx.publish(fact)
    return payment
