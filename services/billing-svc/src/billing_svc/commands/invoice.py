"""Invoicing: open the account of a contract, charge what is due, note deliveries, settle."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from billing_svc.domain import correction, ledger
from billing_svc.domain.account import BilledLine, BillingAccount, Charge
from billing_svc.domain.invoice import Invoice
from billing_svc.storage import BillingAccounts, Invoices, post
from chassis.transaction import Transaction
from contracts.billing import InvoiceLine
from contracts.contract import ContractSigned
from contracts.ids import ContractId, InvoiceId, derived_id
from contracts.money import Money
from contracts.references import canonical
from contracts.terms import LineProgress, ScheduleItem, Totals


def invoice_id_of(contract_id: UUID, item: int, part: int = 0) -> InvoiceId:
    """A schedule item is invoiced once; a delivery of an item billed by delivery, once."""
    return InvoiceId(derived_id(contract_id, f"invoice:{item}:{part}"))


def opened(fact: ContractSigned, journey_id: UUID) -> BillingAccount:
    """The billing account of a signed contract."""
    return BillingAccount(
        id=fact.contract_id,
        journey_id=journey_id,
        number=fact.number,
        contract_number=fact.number,
        deal_id=fact.deal_id,
        lead_id=fact.lead_id,
        account=fact.account,
        owner=fact.owner,
        legal_entity=fact.legal_entity,
        lines=tuple(
            BilledLine(line_no=x.line_no, name=x.name, ordered=x.quantity, net=x.net, tax=x.tax)
            for x in fact.lines
        ),
        totals=fact.totals,
        payment_terms=fact.payment_terms,
        schedule=fact.schedule,
        prepayment=fact.prepayment,
        imported=fact.imported,
        recognised=Money.zero(fact.totals.gross.currency),
        signed_at=fact.signed_at,
        last_fact_at=fact.signed_at,
    )


async def charge(
    account: BillingAccount,
    lines: Sequence[InvoiceLine],
    *,
    item: int,
    part: int,
    at: datetime,
    tx: Transaction,
    paid_at_once: bool = False,
) -> tuple[BillingAccount, Invoice]:
    """Issue an invoice over these lines and put it into account and ledger."""
    net = Money.total((line.net for line in lines), account.currency)
    tax = Money.total((line.tax for line in lines), account.currency)
    totals = Totals(net=net, tax=tax, gross=net + tax)
    due_on = (at + timedelta(days=account.payment_terms.net_days)).date()
    year = tx.now.year
    number = await tx.gapless_number(f"INV-{account.legal_entity}-{year}")
    invoice = Invoice(
        id=invoice_id_of(account.id, item, part),
        journey_id=account.journey_id,
        number=f"INV-{year}-{number:06d}",
        contract_id=ContractId(account.id),
        deal_id=account.deal_id,
        account=account.account,
        owner=account.owner,
        legal_entity=account.legal_entity,
        schedule_item=item,
        part=part,
        payment_reference=canonical(account.prepayment.reference) if account.prepayment else None,
        lines=tuple(lines),
        totals=totals,
        paid=Money.zero(account.currency),
        due_on=due_on,
        issued_at=at,
    )
    invoice, fact = invoice.issue()
    invoices = Invoices(tx)
    await tx.expect_new(Invoices, (invoice.id,))
    await invoices.save(invoice)
    tx.publish(fact)
    post(
        tx,
        ledger.issue(totals),
        kind="issue",
        journey_id=account.journey_id,
        document=invoice.number,
        at=at,
    )
    if not paid_at_once:
        midnight = datetime.combine(due_on, time(23, 59, 59), UTC)
        due_at = max(midnight, tx.now + timedelta(days=1))
        invoice = await invoices.save(invoice.await_payment(at=tx.now, due_at=due_at))
    entry = Charge(
        invoice_id=InvoiceId(invoice.id),
        number=invoice.number,
        item=item,
        gross=totals.gross,
        outstanding=totals.gross,
        credited=Money.zero(account.currency),
    )
    return account.charge(entry, at=at), invoice


async def note_delivery(
    account: BillingAccount,
    progress: Sequence[LineProgress],
    *,
    fulfilled: bool,
    at: datetime,
    tx: Transaction,
) -> BillingAccount:
    """What was delivered is earned, and invoiced where the schedule ties it to delivery."""
    account, earned, parts = account.deliver(progress, fulfilled=fulfilled, at=at)
    if not earned.is_zero:
        post(
            tx,
            ledger.recognise(earned),
            kind="recognise",
            journey_id=account.journey_id,
            document=account.contract_number,
            at=at,
        )
    if account.bills_by_delivery and not account.sum_of(parts).is_zero:
        account, _ = await charge(account, parts, item=1, part=len(account.charges), at=at, tx=tx)
    elif account.fulfilled:
        for item in account.due_items("on_delivery", now=max(at, tx.now)):
            account = await charge_item(account, item, at=at, tx=tx)
    return account


async def charge_item(
    account: BillingAccount, item: ScheduleItem, *, at: datetime, tx: Transaction
) -> BillingAccount:
    """Invoice a schedule item, or what is left of it once less is owed than was agreed. An item
    of zero is not invoiced: nobody would ever pay it."""
    if item.amount.is_zero:
        return account.waive(item.n)
    if account.reduced:
        lines = correction.rest_of_item(account, item, await invoices_of(account, tx))
        if not lines:
            return account.waive(item.n)
    else:
        lines = account.item_lines(item)
    account, _ = await charge(account, lines, item=item.n, part=0, at=at, tx=tx)
    return account


async def invoices_of(account: BillingAccount, tx: Transaction) -> list[Invoice]:
    """The invoices of an account in their order, locked behind it."""
    await tx.load_all(Invoices, [charge.invoice_id for charge in account.charges])
    return [await Invoices(tx).get(charge.invoice_id) for charge in account.charges]


async def save_and_settle(account: BillingAccount, tx: Transaction) -> None:
    """Keep the account; if nothing is open any more, say what the journey earned."""
    accounts = BillingAccounts(tx)
    settled, fact = account.settle(at=tx.now)
    await accounts.save(settled)
    if fact is not None:
        tx.publish(fact)


async def charge_due_items(contract_id: UUID, tx: Transaction) -> None:
    """Instalments whose day has come."""
    accounts = BillingAccounts(tx)
    account = await accounts.get(contract_id)
    for item in account.due_items("days_after_signature", now=tx.now):
        account = await charge_item(account, item, at=tx.now, tx=tx)
    await save_and_settle(account, tx)


async def mark_overdue(invoice_id: UUID, tx: Transaction) -> None:
    """Asked again under the lock, so that a payment of the same moment wins."""
    invoices = Invoices(tx)
    invoice = await invoices.get(invoice_id)
    late = invoice.due_on < tx.now.date() and invoice.overdue_since is None
    if late and not invoice.outstanding.is_zero:
        overdue, fact = invoice.overdue(at=tx.now)
        await invoices.save(overdue)
        tx.publish(fact)
