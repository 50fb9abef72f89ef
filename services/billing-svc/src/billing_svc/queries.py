"""Invoices, payments and the ledger as finance looks at them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlmodel import select

from billing_svc.domain.account import BillingAccount
from billing_svc.domain.invoice import Invoice
from billing_svc.domain.payment import Payment
from billing_svc.storage import BillingAccountRow, InvoiceRow, PaymentRow
from chassis import sight
from chassis.pagination import Page, next_cursor, page_of
from chassis.tables import table_of
from chassis.transaction import Transaction
from contracts.money import Money


class InvoiceView(Invoice, frozen=True):
    revision: int


class PaymentView(Payment, frozen=True):
    revision: int


class AccountView(BillingAccount, frozen=True):
    revision: int


class Balance(BaseModel):
    """What lies on one ledger account; debits positive."""

    account: str
    balance: Money


class LedgerEntry(BaseModel):
    transaction_id: UUID
    line: int
    account: str
    amount: Money
    kind: str
    document: str
    business_at: datetime
    posted_at: datetime


class Totals(BaseModel):
    """The money of the whole house in one currency."""

    currency: str
    accounts: int
    settled: int
    contracted: Money
    invoiced: Money
    credited: Money
    paid: Money
    contracted_of_settled: Money
    ledger_balance: Money
    """The sum of the whole ledger: zero, or something is badly wrong."""


async def _one(tx: Transaction, row: type[Any], view: type[Any], row_id: UUID, what: str) -> Any:
    found = await sight.one(tx, row, row_id, what)
    return view.model_validate({**found.body, "revision": found.revision})


async def show_invoice(invoice_id: UUID, tx: Transaction) -> InvoiceView:
    view: InvoiceView = await _one(tx, InvoiceRow, InvoiceView, invoice_id, "invoice")
    return view


async def show_payment(payment_id: UUID, tx: Transaction) -> PaymentView:
    view: PaymentView = await _one(tx, PaymentRow, PaymentView, payment_id, "payment")
    return view


async def show_account(contract_id: UUID, tx: Transaction) -> AccountView:
    view: AccountView = await _one(
        tx, BillingAccountRow, AccountView, contract_id, "billing account"
    )
    return view


async def list_invoices(
    tx: Transaction,
    *,
    status: str | None,
    contract: UUID | None,
    journey: UUID | None,
    number: str | None,
    cursor: str | None,
    limit: int,
) -> Page[InvoiceView]:
    table = table_of(InvoiceRow)
    filters = (
        (table.c.status, status),
        (table.c.contract_id, contract),
        (table.c.journey_id, journey),
        (table.c.number, number),
    )
    return await _page(tx, InvoiceRow, InvoiceView, filters, cursor, limit)


async def list_payments(
    tx: Transaction, *, status: str | None, reference: str | None, cursor: str | None, limit: int
) -> Page[PaymentView]:
    table = table_of(PaymentRow)
    filters = ((table.c.status, status), (table.c.bank_reference, reference))
    return await _page(tx, PaymentRow, PaymentView, filters, cursor, limit)


async def _page(
    tx: Transaction, row: type[Any], view: type[Any], filters: Any, cursor: str | None, limit: int
) -> Page[Any]:
    table = table_of(row)
    query = sight.narrow(select(row), row, tx.actor)
    for column, value in filters:
        if value is not None:
            query = query.where(column == value)
    query = page_of(query, table.c.created_at, table.c.id, cursor=cursor, limit=limit)
    rows = list((await tx.session.exec(query)).all())
    following = next_cursor(rows, "created_at", limit)
    items = [view.model_validate({**r.body, "revision": r.revision}) for r in rows]
    return Page[Any](items=items, next=following)


async def balances(tx: Transaction) -> list[Balance]:
    rows = await tx.read(
        "SELECT account, currency, sum(minor)::bigint FROM ledger_entry GROUP BY 1, 2 ORDER BY 1, 2"
    )
    return [Balance(account=a, balance=Money(m, c)) for a, c, m in rows]


async def entries(tx: Transaction, journey_id: UUID) -> list[LedgerEntry]:
    rows = await tx.read(
        "SELECT transaction_id, line, account, minor, currency, kind, document, business_at,"
        " posted_at FROM ledger_entry WHERE journey_id = $1"
        " ORDER BY posted_at, transaction_id, line",
        journey_id,
    )
    return [
        LedgerEntry(
            transaction_id=r["transaction_id"],
            line=r["line"],
            account=r["account"],
            amount=Money(r["minor"], r["currency"]),
            kind=r["kind"],
            document=r["document"],
            business_at=r["business_at"],
            posted_at=r["posted_at"],
        )
        for r in rows
    ]


async def totals(tx: Transaction) -> list[Totals]:
    rows = await tx.read(
        "SELECT currency, count(*), count(*) FILTER (WHERE status = 'settled'),"  # noqa: S608
        " sum(contracted_minor)::bigint, sum(invoiced_minor)::bigint, sum(credited_minor)::bigint,"
        " sum(paid_minor)::bigint,"
        " coalesce(sum(contracted_minor) FILTER (WHERE status = 'settled'), 0)::bigint,"
        " coalesce((SELECT sum(minor) FROM ledger_entry l WHERE l.currency = a.currency), 0)"
        "::bigint"
        f" FROM billing_account a WHERE {sight.SEEN} GROUP BY currency ORDER BY currency",
        *sight.parameters(tx.actor),
    )
    return [
        Totals(
            currency=c,
            accounts=n,
            settled=s,
            contracted=Money(co, c),
            invoiced=Money(i, c),
            credited=Money(cr, c),
            paid=Money(p, c),
            contracted_of_settled=Money(cs, c),
            ledger_balance=Money(b, c),
        )
        for c, n, s, co, i, cr, p, cs, b in rows
    ]
