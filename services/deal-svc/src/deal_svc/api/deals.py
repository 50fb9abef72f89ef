"""Opening deals by hand, and looking at them."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import Response
from pydantic import Field

from chassis.http import ApiModel, Tx, etag
from chassis.pagination import Cursor, Limit, Page
from contracts.asked import (
    MOST_LINES,
    AskedContact,
    AskedLine,
    AskedOrigin,
    AskedOwner,
    AskedTerms,
    CurrencyCode,
)
from contracts.ids import AccountId, new_id
from contracts.money import NonNegativeMoney
from contracts.parties import Account
from deal_svc import queries
from deal_svc.api.doors import Looker, Seller, answer, deal_router
from deal_svc.commands.open import OpenDeal, open_by_hand

router = deal_router()


class DealForm(ApiModel):
    """A deal opened by hand."""

    title: str = Field(min_length=1, max_length=200)
    account: str = Field(min_length=1, max_length=200, description="the customer company's name")
    account_id: UUID | None = None
    contact: AskedContact | None = None
    origin: AskedOrigin = AskedOrigin(channel="manual")
    owner: AskedOwner | None = None
    amount: NonNegativeMoney | None = None
    lines: tuple[AskedLine, ...] = Field(default=(), max_length=MOST_LINES)
    payment_terms: AskedTerms | None = None
    currency: CurrencyCode = "CNY"


@router.post("/deals", status_code=201, operation_id="openDeal")
async def open_deal(_: Seller, tx: Tx, form: DealForm, response: Response) -> queries.DealView:
    """Open a deal that no lead came before."""
    account = Account(account_id=AccountId(form.account_id or new_id()), name=form.account)
    values = {name: getattr(form, name) for name in OpenDeal.model_fields if name != "account"}
    deal = await open_by_hand(OpenDeal(account=account, **values), tx)
    response.headers["Location"] = f"/deals/{deal.id}"
    return answer(deal, tx, response)


@router.get("/deals", operation_id="listDeals")
async def list_deals(
    _: Looker,
    tx: Tx,
    status: str | None = None,
    stage: str | None = None,
    owner: str | None = None,
    account: str | None = None,
    journey: UUID | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[queries.DealView]:
    """Deals, the newest first."""
    return await queries.list_deals(
        tx,
        status=status,
        stage=stage,
        owner=owner,
        account=account,
        journey=journey,
        cursor=cursor,
        limit=limit,
    )


@router.get("/deals/pipeline", operation_id="showPipeline")
async def pipeline(_: Looker, tx: Tx) -> list[queries.StageTotal]:
    """Count and amount of open deals by stage and currency."""
    return await queries.pipeline(tx)


@router.get("/deals/totals", operation_id="showTotals")
async def totals(
    _: Looker, tx: Tx, by: Literal["owner", "product", "month"] = "owner"
) -> list[queries.Total]:
    """Count and value of won deals by owner, product or month of closing."""
    return await queries.totals(tx, by)


@router.get("/deals/{deal_id}", operation_id="showDeal")
async def show(_: Looker, tx: Tx, deal_id: UUID, response: Response) -> queries.DealView:
    """One deal, with its revision as ETag."""
    deal = await queries.show_deal(deal_id, tx)
    response.headers["ETag"] = etag(deal.revision)
    return deal
