"""The door that a customer's link opens."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel, Field

from chassis.auth import public
from chassis.bounds import Hash, Version
from chassis.domain import DomainError
from chassis.http import ApiModel, Tx
from chassis.links import open_link, sign_link
from contracts.terms import Evidence
from quote_svc import queries
from quote_svc.api.doors import Seller, quote_router
from quote_svc.commands.answer import accept_quote, decline_quote
from quote_svc.domain.version import Status
from quote_svc.storage import Quotes

PURPOSE = "quote-answer"
BY_LINK = public("the customer has a signed link instead of an account")

router = quote_router()


class NothingToAnswer(DomainError):
    """There is no offer out that could be answered."""


class Link(BaseModel):
    """Where the customer can see and answer the offer."""

    url: str
    token: str


class HashDiffers(DomainError):
    """What was accepted is not what is offered."""


class AcceptanceForm(ApiModel):
    """The customer's yes, to the version they saw."""

    name: str = Field(min_length=1, max_length=200)
    version: Version
    version_hash: Hash
    agree: Literal[True]


class RefusalForm(ApiModel):
    name: str = Field(min_length=1, max_length=200)
    version: Version
    reason: str = Field(min_length=1, max_length=500)


@router.get("/quotes/{quote_id}/link", operation_id="linkQuote")
async def link(_: Seller, tx: Tx, request: Request, quote_id: UUID) -> Link:
    """The customer's link to the offer; good as long as the offer."""
    quote = await queries.show_quote(quote_id, tx)
    until = quote.current.valid_until
    if quote.status is not Status.SENT or until is None:
        raise NothingToAnswer(f"the current version is {quote.status.value}")
    settings = request.app.state.settings
    token = sign_link(settings.link_secret, PURPOSE, quote_id, until)
    return Link(url=f"{settings.base_url()}/offers/{token}", token=token)


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
