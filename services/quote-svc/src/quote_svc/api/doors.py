"""Who may come in, and how a quote is shown to them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from chassis.auth import Actor, roles
from chassis.http import TransactionalRoute, Tx, etag
from quote_svc import queries
from quote_svc.domain.quote import Quote

SALES = ("sales_rep", "sales_manager", "account_manager", "admin")

Seller = Annotated[Actor, Depends(roles(*SALES))]
Manager = Annotated[Actor, Depends(roles("sales_manager", "admin"))]
Pricer = Annotated[Actor, Depends(roles("sales_manager", "finance", "admin"))]
Looker = Annotated[Actor, Depends(roles(*SALES, "auditor", "ops", "finance"))]


def quote_router() -> APIRouter:
    return APIRouter(route_class=TransactionalRoute, tags=["quotes"])


def answer(quote: Quote, tx: Tx, response: Response) -> queries.QuoteView:
    revision = tx.revision_of(quote.id)
    response.headers["ETag"] = etag(revision)
    return queries.QuoteView.model_validate({**quote.model_dump(), "revision": revision})
