"""Quotes as people look at them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel
from sqlmodel import select

from chassis import sight
from chassis.pagination import Page, next_cursor, page_of
from chassis.tables import table_of
from chassis.transaction import Transaction
from contracts.money import Money
from contracts.terms import PaymentTerms, PricedLine, Totals
from quote_svc.domain.quote import Quote
from quote_svc.storage import QuoteRow


class QuoteView(Quote, frozen=True):
    """A quote with all its versions, and the revision that updates must name."""

    revision: int


class Offer(BaseModel):
    """What the customer sees behind their link."""

    number: str
    version: int
    status: str
    customer: str
    lines: tuple[PricedLine, ...]
    totals: Totals | None
    payment_terms: PaymentTerms
    valid_until: AwareDatetime | None
    version_hash: str


class Price(BaseModel):
    sku: str
    name: str
    kind: str
    list_price: Money
    tax_percent: Decimal


def view(row: Any) -> QuoteView:
    return QuoteView.model_validate({**row.body, "revision": row.revision})


async def show_quote(quote_id: UUID, tx: Transaction) -> QuoteView:
    return view(await sight.one(tx, QuoteRow, quote_id, "quote"))


async def list_quotes(
    tx: Transaction,
    *,
    status: str | None,
    deal: str | None,
    journey: UUID | None,
    cursor: str | None,
    limit: int,
) -> Page[QuoteView]:
    table = table_of(QuoteRow)
    query = sight.narrow(select(QuoteRow), QuoteRow, tx.actor)
    for column, value in (
        (table.c.status, status),
        (table.c.deal_number, deal),
        (table.c.journey_id, journey),
    ):
        if value is not None:
            query = query.where(column == value)
    query = page_of(query, table.c.created_at, table.c.id, cursor=cursor, limit=limit)
    rows = list((await tx.session.exec(query)).all())
    following = next_cursor(rows, "created_at", limit)
    return Page(items=[view(row) for row in rows], next=following)


def offer_of(quote: Quote) -> Offer:
    """The version that was sent last: what its customer may see. A newer draft is ours alone."""
    version = quote.offered
    return Offer(
        number=quote.number,
        version=version.version,
        status=version.status.value,
        customer=quote.account.name,
        lines=version.lines,
        totals=version.totals,
        payment_terms=version.payment_terms,
        valid_until=version.valid_until,
        version_hash=version.hash,
    )


async def list_prices(tx: Transaction, book: str, currency: str) -> list[Price]:
    rows = await tx.read(
        "SELECT sku, name, kind, minor, tax_percent FROM price WHERE book = $1 AND currency = $2"
        " ORDER BY sku",
        book,
        currency,
    )
    return [
        Price(
            sku=r["sku"],
            name=r["name"],
            kind=r["kind"],
            list_price=Money(r["minor"], currency),
            tax_percent=r["tax_percent"],
        )
        for r in rows
    ]
