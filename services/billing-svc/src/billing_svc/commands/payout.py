"""Payouts: a provider pays to the bank what it has captured. That is no second payment."""

from __future__ import annotations

from uuid import UUID

from billing_svc.commands.cash import OtherContent, StatementLine, must_agree
from billing_svc.domain import ledger
from billing_svc.domain.payment import Payment, Payout
from billing_svc.domain.remittance import possible_references
from billing_svc.storage import Payments, post
from chassis.transaction import Transaction

CAPTURED = """
SELECT body::text FROM payment
WHERE bank_reference = ANY($1::text[]) AND source NOT IN ('bank', 'imported') AND currency = $3
  AND NOT EXISTS (SELECT FROM payment WHERE bank_reference = $2 AND source = 'bank')
ORDER BY id
"""
AWAITED = """
SELECT id FROM invoice
WHERE payment_reference = $1 AND outstanding_minor > 0 AND currency = $2 LIMIT 1
"""


async def captured_payment(line: StatementLine, tx: Transaction) -> UUID | None:
    """The captured payment that this line pays out; none if the line is a payment by itself. Not
    locked, because what a payment may pay is locked before it.

    The line's own reference decides. A reference in its text does so if the amount fits and no open
    invoice awaits it: then the line may be the customer's, who pays the rest."""
    references = possible_references(line.bank_reference, line.remittance)
    rows = await tx.read(CAPTURED, references, line.bank_reference, line.amount.currency)
    payments = [Payment.model_validate_json(row[0]) for row in rows]
    known = [p for p in payments if _payout(p, line.bank_reference) is not None]
    if known:
        return known[0].id
    named = [p for p in payments if p.bank_reference == line.bank_reference]
    if named:
        return _only(named, line).id
    for payment in payments:
        if await _is_paid_out_by(line, payment, tx):
            return payment.id
    return None


def _only(payments: list[Payment], line: StatementLine) -> Payment:
    fitting = [p for p in payments if line.amount <= p.not_paid_out]
    if len(fitting) != 1:
        raise OtherContent(
            f"{line.bank_reference} is the reference of a provider, and {len(fitting) or 'no'}"
            f" captured payments have {line.amount} left to be paid out"
        )
    return fitting[0]


async def _is_paid_out_by(line: StatementLine, payment: Payment, tx: Transaction) -> bool:
    if line.amount >= payment.not_paid_out:
        return line.amount == payment.not_paid_out
    return not await tx.read(AWAITED, payment.bank_reference, line.amount.currency)


def _payout(payment: Payment, reference: str) -> Payout | None:
    return next((p for p in payment.payouts if p.bank_reference == reference), None)


async def take_payout_line(
    payment_id: UUID, line: StatementLine, tx: Transaction
) -> tuple[Payment, bool]:
    """Move the money from the provider's clearing account to the bank, once."""
    payment = await Payments(tx).get(payment_id)
    payout = Payout(
        bank_reference=line.bank_reference,
        amount=line.amount,
        payer=line.payer,
        remittance=line.remittance,
        at=line.booked_at,
    )
    known = _payout(payment, line.bank_reference)
    if known is not None:
        must_agree(line, known.amount, known.at, known.payer, known.remittance)
        return payment, False
    payment = await Payments(tx).save(payment.pay_out(payout))
    post(
        tx,
        ledger.pay_out(payment.source, payout.amount),
        kind="payout",
        journey_id=payment.journey_id,
        document=payment.number,
        at=payout.at,
    )
    return payment, True
