"""Credit notes: by a person's word, or for what was invoiced and then cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from billing_svc.commands.invoice import charge, invoices_of, save_and_settle
from billing_svc.domain import correction, ledger
from billing_svc.domain.account import BillingAccount
from billing_svc.domain.invoice import CreditNote, Invoice
from billing_svc.storage import BillingAccounts, Invoices, Payments, contract_of, post
from chassis.domain import Conflict, DomainError
from chassis.transaction import Transaction
from contracts.billing import InvoiceLine
from contracts.ids import InvoiceId
from contracts.money import Money


class NothingToCredit(DomainError):
    """Nothing is invoiced beyond what is owed."""


async def lock_invoice(invoice_id: UUID, tx: Transaction) -> Invoice:
    """An invoice behind its account: everybody locks account, invoice, payment in this order."""
    await BillingAccounts(tx).get(await contract_of(invoice_id, tx))
    return await Invoices(tx).get(invoice_id)


async def credit_invoice(
    invoice: Invoice, amount: Money | None, reason: str, tx: Transaction, *, again: bool = False
) -> Invoice:
    """Take back an invoice or a part of it. What of it was owed all the same is forgiven, or
    ``again`` invoiced by a new one."""
    account = await BillingAccounts(tx).get(invoice.contract_id)
    invoices = await invoices_of(account, tx)
    lines = tuple(line for line in invoice.standing if not (line.net.is_zero and line.tax.is_zero))
    if amount is not None and lines:
        left = Money.total((x.net + x.tax for x in lines), account.currency)
        lines = correction.spread(lines, min(amount, left)) if amount <= left else ()
    if not lines:
        raise NothingToCredit(
            f"{'nothing' if amount is None else amount} is more than is left of {invoice.number}"
        )
    gift = correction.beyond(lines, correction.over_of(account, invoices))
    reversal = Money.zero(account.currency)
    if not again:
        account, reversal = account.forgive(gift)
    account = await _credit(account, invoice, lines, reason, tx, reversal=reversal)
    if again and gift:
        account, _ = await charge(
            account, gift, item=invoice.schedule_item, part=len(account.charges), at=tx.now, tx=tx
        )
    await save_and_settle(account, tx)
    return await Invoices(tx).get(invoice.id)


async def excess_of(contract_id: UUID, tx: Transaction) -> Money:
    """What was invoiced under a contract beyond what is owed."""
    account = await BillingAccounts(tx).get(contract_id)
    parts = correction.excess(account, await invoices_of(account, tx))
    lines = (line for _, lines in parts for line in lines)
    return Money.total((line.net + line.tax for line in lines), account.currency)


async def credit_excess(contract_id: UUID, reason: str, tx: Transaction) -> BillingAccount:
    """Take back whatever was invoiced for pieces that were then cancelled; money that paid for
    them is free again, to be applied elsewhere or to be paid back."""
    account = await BillingAccounts(tx).get(contract_id)
    invoices = {i.id: i for i in await invoices_of(account, tx)}
    parts = correction.excess(account, list(invoices.values()))
    if not parts:
        raise NothingToCredit(f"nothing of {account.number} is invoiced beyond what is owed")
    none = Money.zero(account.currency)
    for invoice_id, lines in parts:
        account = await _credit(account, invoices[invoice_id], lines, reason, tx, reversal=none)
    await save_and_settle(account, tx)
    return await BillingAccounts(tx).get(contract_id)


async def _credit(
    account: BillingAccount,
    invoice: Invoice,
    lines: Sequence[InvoiceLine],
    reason: str,
    tx: Transaction,
    *,
    reversal: Money,
) -> BillingAccount:
    """One credit note over these lines, in invoice, account and ledger."""
    amount = Money.total((line.net + line.tax for line in lines), account.currency)
    if amount > invoice.outstanding:
        invoice = await _free(invoice, amount - invoice.outstanding, reason, tx)
    year = tx.now.year
    number = await tx.gapless_number(f"CN-{invoice.legal_entity}-{year}")
    note = CreditNote(
        number=f"CN-{year}-{number:06d}",
        lines=tuple(lines),
        reason=reason,
        by=tx.actor.sub,
        at=tx.now,
    )
    invoice, facts = invoice.credit(note)
    await Invoices(tx).save(invoice)
    for fact in facts:
        tx.publish(fact)
    post(
        tx,
        ledger.credit(note.net, note.tax, reversal),
        kind="credit",
        journey_id=invoice.journey_id,
        document=note.number,
        at=tx.now,
    )
    return account.note(
        InvoiceId(invoice.id), invoice.outstanding, at=tx.now, credited=note.net + note.tax
    )


async def _free(invoice: Invoice, amount: Money, reason: str, tx: Transaction) -> Invoice:
    """Take so much of the money back that paid an invoice, the last payment first."""
    payments = Payments(tx)
    await tx.load_all(Payments, invoice.payments)
    day = tx.now + timedelta(days=1)
    for payment_id in reversed(invoice.payments):
        payment = await payments.get(payment_id)
        part = min(amount, payment.applied_to(InvoiceId(invoice.id)))
        if part.is_zero:
            continue
        amount = amount - part
        invoice = invoice.unpay(part, at=tx.now, due_at=day)
        transaction = post(
            tx,
            ledger.reverse(ledger.allocate(part)),
            kind="unallocate",
            journey_id=invoice.journey_id,
            document=payment.number,
            at=tx.now,
        )
        freed, fact = payment.take_back(
            (invoice.allocation(part),),
            transaction=transaction,
            reason=reason,
            by=tx.actor.sub,
            at=tx.now,
        )
        await payments.save(freed.await_application(at=tx.now, due_at=day))
        tx.publish(fact)
    if not amount.is_zero:
        raise Conflict(f"{amount} paid on {invoice.number} is not on any payment")
    return invoice
