"""Quotes and price books."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import BigInteger, MetaData, Numeric, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from chassis.repository import Repository
from chassis.tables import NAMING, AggregateRow
from chassis.transaction import Transaction
from contracts.journey import QUOTE_GATES
from contracts.money import Money
from quote_svc.domain.pricing import Item, PriceBook, Tier
from quote_svc.domain.quote import Quote


class Row(SQLModel, registry=registry()):
    """Base of quote-svc's own tables."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)


class QuoteRow(Row, AggregateRow, table=True):
    __tablename__ = "quote"

    status: str = Field(sa_type=Text, index=True)
    deal_number: str = Field(sa_type=Text, index=True)
    account_name: str = Field(sa_type=Text)
    valid_until: datetime | None = Field(default=None, index=True)


class PriceRow(Row, table=True):
    """One product's price in one book and currency."""

    __tablename__ = "price"
    __table_args__ = ({"comment": "seed"},)

    book: str = Field(sa_type=Text, primary_key=True)
    currency: str = Field(sa_type=Text, primary_key=True)
    sku: str = Field(sa_type=Text, primary_key=True)
    name: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    minor: int = Field(sa_type=BigInteger)
    tax_percent: Decimal = Field(sa_type=Numeric(5, 2))
    tiers: list[dict[str, Any]] = Field(sa_type=JSONB)


class Quotes(Repository[Quote]):
    aggregate = Quote
    row = QuoteRow
    gates = QUOTE_GATES

    def columns(self, aggregate: Quote) -> Mapping[str, Any]:
        return {
            "status": aggregate.status.value,
            "deal_number": aggregate.deal_number,
            "account_name": aggregate.account.name,
            "valid_until": aggregate.current.valid_until,
        }


CACHE_S = 2.0
_books: dict[tuple[int, str, str], tuple[float, PriceBook]] = {}


async def price_book(tx: Transaction, book: str, currency: str) -> PriceBook:
    """A book's products; at most two seconds old, so that the hot path asks
    memory. Empty when there is no such book in that currency."""
    key = (id(tx.database), book, currency)
    cached = _books.get(key)
    if cached and cached[0] > time.monotonic():
        return cached[1]
    rows = await tx.read(
        "SELECT sku, name, kind, minor, tax_percent, tiers::text FROM price"
        " WHERE book = $1 AND currency = $2",
        book,
        currency,
    )
    items = PriceBook(
        Item(
            sku=row["sku"],
            name=row["name"],
            kind=row["kind"],
            list_price=Money(row["minor"], currency),
            tax_percent=row["tax_percent"],
            tiers=tuple(Tier.model_validate(t) for t in json.loads(row["tiers"])),
        )
        for row in rows
    )
    _books[key] = (time.monotonic() + CACHE_S, items)
    return items


def forget_price_books() -> None:
    """Read them anew, after a change."""
    _books.clear()
