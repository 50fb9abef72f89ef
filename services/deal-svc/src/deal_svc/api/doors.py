"""Who may come in, and how a deal is shown to them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from chassis.auth import Actor, roles
from chassis.http import TransactionalRoute, Tx, etag
from deal_svc import queries
from deal_svc.domain.deal import Deal

SALES = ("sales_rep", "sales_manager", "account_manager", "admin")

Seller = Annotated[Actor, Depends(roles(*SALES))]
Manager = Annotated[Actor, Depends(roles("sales_manager", "admin"))]
Importer = Annotated[Actor, Depends(roles("integration_import", "admin"))]
Looker = Annotated[Actor, Depends(roles(*SALES, "auditor", "ops", "finance", "order_desk"))]


def deal_router() -> APIRouter:
    return APIRouter(route_class=TransactionalRoute, tags=["deals"])


def answer(deal: Deal, tx: Tx, response: Response) -> queries.DealView:
    revision = tx.revision_of(deal.id)
    response.headers["ETag"] = etag(revision)
    return queries.DealView.model_validate({**deal.model_dump(), "revision": revision})
