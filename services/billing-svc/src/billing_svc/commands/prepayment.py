"""Orders that are paid already: by a prepayment that counts, or by the record of a moved deal.

Billing alone decides whether a prepayment counts, and publishes it. order-svc delivers on that.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from billing_svc.commands.cash import StatementLine, apply, payment_id_of, receive
from billing_svc.domain.account import BillingAccount
from billing_svc.domain.invoice import Invoice
from billing_svc.domain.payment import Payment
from billing_svc.domain.prepayment import is_trusted, refusal, source_of, spent_elsewhere
from billing_svc.policies import Cash, policies
from billing_svc.storage import BillingAccounts, Invoices, Payments
from chassis.transaction import Transaction
from contracts.billing import PrepaymentConfirmed, PrepaymentRefused
from contracts.ids import ContractId
from contracts.money import Money
from contracts.references import canonical
from contracts.terms import Evidence, ImportedOutcome, Prepayment


def prepayment_ids(prepayment: Prepayment) -> tuple[UUID, UUID]:
    """The payments that may be its money: the provider's, and the bank's."""
    source = source_of(prepayment.provider)
    return payment_id_of(source, prepayment.reference), payment_id_of("bank", prepayment.reference)


async def prepaid_money(account: BillingAccount, tx: Transaction) -> Payment | None:
    """The payment under the reference of an account's prepayment. What a trusted provider has
    captured is a line of its clearing account: it is booked here, unless the bank was earlier."""
    prepayment = account.prepayment
    if prepayment is None:
        return None
    for payment_id in prepayment_ids(prepayment):
        payment = await Payments(tx).find(payment_id)
        if payment is not None:
            return payment
    ruling = await policies.get(tx, "cash", Cash)
    if not is_trusted(prepayment.provider, ruling.rules.trust_providers):
        return None
    line = StatementLine(
        bank_reference=canonical(prepayment.reference),
        amount=prepayment.amount,
        booked_at=prepayment.captured_at,
        payer=account.account.name,
        source=source_of(prepayment.provider),
    )
    payment, _ = await receive(line, tx, journey_id=account.journey_id)
    return payment


async def apply_prepaid(
    account: BillingAccount, invoice: Invoice, payment: Payment, tx: Transaction
) -> BillingAccount:
    """Apply prepaid money to the invoice of its order, as far as it goes. Money that was used for
    something else is not touched."""
    payment = await Payments(tx).get(payment.id)
    if not spent_elsewhere(account, payment):
        at = max(payment.received_at, invoice.issued_at)
        evidence = (await _evidence(payment, tx)).model_copy(update={"at": at})
        return await _apply_what_is_left(payment, account, invoice, evidence, tx)
    await _await_rest(payment, invoice, tx)
    return account


async def decide_prepayment(account: BillingAccount, due: Money, tx: Transaction) -> BillingAccount:
    """Publish whether the prepayment of an account counts. The account is the caller's to save."""
    prepayment = account.prepayment
    if prepayment is None:
        return account
    payment = await prepaid_money(account, tx)
    about = {
        "contract_id": ContractId(account.id),
        "contract_number": account.contract_number,
        "deal_id": account.deal_id,
        "provider": prepayment.provider,
        "reference": canonical(prepayment.reference),
        "captured": prepayment.amount,
        "due": due,
        "decided_at": tx.now,
    }
    refused = refusal(account, payment, prepayment.provider, due)
    if payment is not None and not payment.unapplied.is_zero:
        due_at = tx.now + timedelta(days=1)
        await Payments(tx).save(payment.await_application(at=tx.now, due_at=due_at))
    if refused is not None and not _is_paid(account):
        tx.publish(PrepaymentRefused(**about, reason=refused.reason, detail=refused.detail))
        return account.model_copy(update={"prepayment_counts": False})
    evidence = await _evidence(payment, tx)
    tx.publish(PrepaymentConfirmed(**about, evidence=evidence))
    return account.model_copy(update={"prepayment_counts": True})


def _is_paid(account: BillingAccount) -> bool:
    """Whether all that was invoiced is paid, from whatever money."""
    return bool(account.charges) and account.outstanding.is_zero


async def _evidence(payment: Payment | None, tx: Transaction) -> Evidence:
    """What proves that prepaid money is there: the bank's own line, or the policy of trust."""
    if payment is not None and payment.source == "bank":
        by, method, reference = payment.payer or "bank", "bank", payment.bank_reference
    else:
        ruling = await policies.get(tx, "cash", Cash)
        by = "system:billing-svc" if payment is None else payment.source
        method, reference = "policy", ruling.cite
        if payment is not None:
            reference = f"{reference} {payment.bank_reference}"
    return Evidence(by=by, at=tx.now, method=method, reference=reference)


async def apply_recorded(
    account: BillingAccount, record: ImportedOutcome, invoice: Invoice, tx: Transaction
) -> BillingAccount:
    """The invoice of a moved deal was paid, by the record of the other system."""
    reference = f"{record.source_system}:{record.external_id}"
    payment = await Payments(tx).find(recorded_id(record))
    if payment is None:
        line = StatementLine(
            bank_reference=reference,
            amount=invoice.totals.gross,
            booked_at=record.closed_at,
            payer=account.account.name,
            source="imported",
        )
        payment, _ = await receive(line, tx, journey_id=account.journey_id)
    evidence = Evidence(
        by=f"import:{record.source_system}",
        at=record.closed_at,
        method="imported_record",
        reference=reference,
    )
    return await _apply_what_is_left(payment, account, invoice, evidence, tx)


def recorded_id(record: ImportedOutcome) -> UUID:
    """The payment of a moved deal."""
    return payment_id_of("imported", f"{record.source_system}:{record.external_id}")


async def _apply_what_is_left(
    payment: Payment,
    account: BillingAccount,
    invoice: Invoice,
    evidence: Evidence,
    tx: Transaction,
) -> BillingAccount:
    if payment.amount.currency == account.currency:
        amount = min(payment.unapplied, invoice.outstanding)
        if not amount.is_zero:
            payment, account = await apply(payment, account, invoice, amount, evidence, tx)
    await _await_rest(payment, invoice, tx)
    return account


async def _await_rest(payment: Payment, invoice: Invoice, tx: Transaction) -> None:
    """What a prepayment is short of the customer pays; what is over finance applies."""
    current = await Invoices(tx).get(invoice.id)
    if not current.outstanding.is_zero:
        due_at = max(invoice.issued_at, tx.now) + timedelta(days=7)
        await Invoices(tx).save(current.await_payment(at=tx.now, due_at=due_at))
    if not payment.unapplied.is_zero:
        due_at = tx.now + timedelta(days=1)
        await Payments(tx).save(payment.await_application(at=tx.now, due_at=due_at))


async def decide_late(contract_id: UUID, tx: Transaction) -> None:
    """Decide for an account that a version before this one opened, which published no decision."""
    accounts = BillingAccounts(tx)
    account = await accounts.get(contract_id)
    if account.prepayment is not None and account.prepayment_counts is None:
        account = await decide_prepayment(account, account.due_on_signature, tx)
    await accounts.save(account)
