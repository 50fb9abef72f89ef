"""The doors of quote-svc: ours, and the one that a customer's link opens."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from chassis.audit import audit
from chassis.auth import Actor, public, roles
from chassis.domain import DomainError
from chassis.http import ApiModel, Revision, TransactionalRoute, Tx, etag, refuse_stale
from chassis.links import open_link, sign_link
from chassis.pagination import Cursor, Limit, Page
from chassis.policies import policy_router
from contracts.money import NonNegativeMoney
from contracts.terms import Evidence
from quote_svc import queries
from quote_svc.commands.answer import accept_quote, decline_quote
from quote_svc.commands.offer import approve_quote, reject_quote, send_quote
from quote_svc.domain.quote import Quote, Status
from quote_svc.policies import policies
from quote_svc.storage import Quotes, forget_price_books

SALES = ("sales_rep", "sales_manager", "account_manager", "admin")
PURPOSE = "quote-answer"

router = APIRouter(route_class=TransactionalRoute, tags=["quotes"])
seller = Annotated[Actor, Depends(roles(*SALES))]
manager = Annotated[Actor, Depends(roles("sales_manager", "admin"))]
pricer = Annotated[Actor, Depends(roles("sales_manager", "finance", "admin"))]
looker = Annotated[Actor, Depends(roles(*SALES, "auditor", "ops", "finance"))]
BY_LINK = public("the customer has a signed link instead of an account")


class NothingToAnswer(DomainError):
    """There is no offer out that could be answered."""


class Link(BaseModel):
    """Where the customer can see and answer the offer."""

    url: str
    token: str


class ReasonForm(ApiModel):
    reason: str = Field(min_length=1, max_length=500)


class AcceptanceForm(ApiModel):
    """The customer's yes, to the version they saw."""

    name: str = Field(min_length=1, max_length=200)
    version: int
    version_hash: str
    agree: Literal[True]


class RefusalForm(ApiModel):
    name: str = Field(min_length=1, max_length=200)
    version: int
    reason: str = Field(min_length=1, max_length=500)


class PriceForm(ApiModel):
    """A product's price in a book."""

    name: str = Field(min_length=1, max_length=200)
    kind: Literal["goods", "service", "digital"]
    list_price: NonNegativeMoney
    tax_percent: Decimal = Field(ge=0, le=100, max_digits=5, decimal_places=2)


class HashDiffers(DomainError):
    """What was accepted is not what is offered."""


def _answer(quote: Quote, tx: Tx, response: Response) -> queries.QuoteView:
    revision = tx.revision_of(quote.id)
    response.headers["ETag"] = etag(revision)
    return queries.QuoteView.model_validate({**quote.model_dump(), "revision": revision})


@router.get("/quotes", operation_id="listQuotes")
async def list_quotes(
    _: looker,
    tx: Tx,
    status: str | None = None,
    deal: str | None = None,
    journey: UUID | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[queries.QuoteView]:
    """Quotes, the newest first."""
    return await queries.list_quotes(
        tx, status=status, deal=deal, journey=journey, cursor=cursor, limit=limit
    )


@router.get("/quotes/{quote_id}", operation_id="showQuote")
async def show(_: looker, tx: Tx, quote_id: UUID, response: Response) -> queries.QuoteView:
    """One quote with all its versions."""
    quote = await queries.show_quote(quote_id, tx)
    response.headers["ETag"] = etag(quote.revision)
    return quote


@router.get("/quotes/{quote_id}/link", operation_id="linkQuote")
async def link(_: seller, tx: Tx, request: Request, quote_id: UUID) -> Link:
    """The customer's link to the offer; good as long as the offer."""
    quote = await queries.show_quote(quote_id, tx)
    until = quote.current.valid_until
    if quote.status is not Status.SENT or until is None:
        raise NothingToAnswer(f"the current version is {quote.status.value}")
    settings = request.app.state.settings
    token = sign_link(settings.link_secret, PURPOSE, quote_id, until)
    return Link(url=f"{settings.base_url()}/offers/{token}", token=token)


@router.post("/quotes/{quote_id}/approval", operation_id="approveQuote")
async def approve(
    _: manager, tx: Tx, quote_id: UUID, seen: Revision, response: Response
) -> queries.QuoteView:
    """Agree to exactly this version; it goes out unless its author wanted to send it."""
    await Quotes(tx).get(quote_id)
    refuse_stale(seen, tx, quote_id)
    return _answer(await approve_quote(quote_id, tx), tx, response)


@router.post("/quotes/{quote_id}/rejection", operation_id="rejectQuote")
async def reject(
    _: manager, tx: Tx, quote_id: UUID, form: ReasonForm, response: Response
) -> queries.QuoteView:
    """Give it back to its author."""
    return _answer(await reject_quote(quote_id, form.reason, tx), tx, response)


@router.post("/quotes/{quote_id}/sending", operation_id="sendQuote")
async def send(_: seller, tx: Tx, quote_id: UUID, response: Response) -> queries.QuoteView:
    """Send an approved version to the customer."""
    return _answer(await send_quote(quote_id, tx), tx, response)


@router.get("/offers/{token}", operation_id="showOffer", dependencies=[BY_LINK])
async def show_offer(tx: Tx, request: Request, token: str) -> queries.Offer:
    """What the customer is offered."""
    quote_id = open_link(request.app.state.settings.link_secret, PURPOSE, token, tx.now)
    return queries.offer_of(await queries.show_quote(quote_id, tx))


def _evidence(request: Request, tx: Tx, name: str, text_hash: str | None) -> Evidence:
    return Evidence(
        by=name,
        at=tx.now,
        method="signed_link",
        text_hash=text_hash,
        ip=request.client.host if request.client else None,
        user_agent=request.headers.get("user-agent", "")[:300] or None,
    )


@router.post("/offers/{token}/acceptance", operation_id="acceptOffer", dependencies=[BY_LINK])
async def accept_offer(tx: Tx, request: Request, token: str, form: AcceptanceForm) -> queries.Offer:
    """The customer accepts; who, when and what they saw is kept as evidence."""
    quote_id = open_link(request.app.state.settings.link_secret, PURPOSE, token, tx.now)
    quote = await Quotes(tx).get(quote_id)
    if quote.current.version == form.version and quote.current.hash != form.version_hash:
        raise HashDiffers("the offer has changed since you saw it")
    evidence = _evidence(request, tx, form.name, form.version_hash)
    return queries.offer_of(await accept_quote(quote_id, form.version, evidence, tx))


@router.post("/offers/{token}/refusal", operation_id="refuseOffer", dependencies=[BY_LINK])
async def refuse_offer(tx: Tx, request: Request, token: str, form: RefusalForm) -> queries.Offer:
    """The customer says no, and why."""
    quote_id = open_link(request.app.state.settings.link_secret, PURPOSE, token, tx.now)
    evidence = _evidence(request, tx, form.name, None)
    quote = await decline_quote(quote_id, form.version, form.reason, evidence, tx)
    return queries.offer_of(quote)


@router.get("/price-books/{book}/{currency}", operation_id="listPrices")
async def list_prices(_: looker, tx: Tx, book: str, currency: str) -> list[queries.Price]:
    """The products of a book in one currency."""
    return await queries.list_prices(tx, book, currency)


@router.put("/price-books/{book}/{currency}/{sku}", operation_id="setPrice")
async def set_price(
    actor: pricer, tx: Tx, book: str, currency: str, sku: str, form: PriceForm
) -> queries.Price:
    """Add a product to a book or change its price; what was offered before stays as it was."""
    if form.list_price.currency != currency:
        raise HashDiffers(f"the price is in {form.list_price.currency}, the book in {currency}")
    await tx.connection.exec_driver_sql(
        "INSERT INTO price (book, currency, sku, name, kind, minor, tax_percent, tiers)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, '[]') ON CONFLICT (book, currency, sku) DO UPDATE"
        " SET name = $4, kind = $5, minor = $6, tax_percent = $7",
        (book, currency, sku, form.name, form.kind, form.list_price.minor, form.tax_percent),
    )
    audit(tx, actor, "set", "price", f"{book}/{currency}/{sku}", after=form.model_dump(mode="json"))
    tx.after_commit.append(forget_price_books)
    return queries.Price(sku=sku, **form.model_dump())


router.include_router(policy_router(policies, readers=SALES, changers=("sales_manager", "admin")))
