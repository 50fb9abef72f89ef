"""Price books."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from chassis.audit import audit
from chassis.domain import Refused
from chassis.http import ApiModel, Tx
from contracts.money import NonNegativeMoney
from contracts.text import refuse_controls
from quote_svc import queries
from quote_svc.api.doors import Looker, Pricer, quote_router
from quote_svc.storage import forget_price_books

router = quote_router()

Sku = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(refuse_controls),
]
"""The exact name of a product; a line with this name has this price."""


class AnotherCurrency(Refused):
    """A book holds prices of one currency."""


class PriceForm(ApiModel):
    """A product's price in a book."""

    name: str = Field(min_length=1, max_length=200)
    kind: Literal["goods", "service", "digital"]
    list_price: NonNegativeMoney
    tax_percent: Decimal = Field(ge=0, le=100, max_digits=5, decimal_places=2)


@router.get("/price-books/{book}/{currency}", operation_id="listPrices")
async def list_prices(_: Looker, tx: Tx, book: str, currency: str) -> list[queries.Price]:
    """The products of a book in one currency."""
    return await queries.list_prices(tx, book, currency)


@router.put("/price-books/{book}/{currency}/{sku}", operation_id="setPrice")
async def set_price(
    actor: Pricer, tx: Tx, book: str, currency: str, sku: Sku, form: PriceForm
) -> queries.Price:
    """Add a product to a book or change its price; what was offered before stays as it was."""
    if form.list_price.currency != currency:
        raise AnotherCurrency(f"the price is in {form.list_price.currency}, the book in {currency}")
    await tx.connection.exec_driver_sql(
        "INSERT INTO price (book, currency, sku, name, kind, minor, tax_percent, tiers)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, '[]') ON CONFLICT (book, currency, sku) DO UPDATE"
        " SET name = $4, kind = $5, minor = $6, tax_percent = $7",
        (book, currency, sku, form.name, form.kind, form.list_price.minor, form.tax_percent),
    )
    audit(tx, actor, "set", "price", f"{book}/{currency}/{sku}", after=form.model_dump(mode="json"))
    tx.after_commit.append(forget_price_books)
    return queries.Price(sku=sku, **form.model_dump())
