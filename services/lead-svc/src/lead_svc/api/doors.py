"""Who may come in, and how a lead is shown to them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from chassis.auth import Actor, roles
from chassis.http import TransactionalRoute, Tx, etag
from lead_svc import queries
from lead_svc.domain.lead import Lead

SALES = ("sales_rep", "sales_manager", "account_manager", "admin")
CAPTURERS = (*SALES, "integration_import", "integration_web")

Seller = Annotated[Actor, Depends(roles(*SALES))]
Manager = Annotated[Actor, Depends(roles("sales_manager", "admin"))]
Capturer = Annotated[Actor, Depends(roles(*CAPTURERS))]
Importer = Annotated[Actor, Depends(roles(*SALES, "integration_import"))]
Reviewer = Annotated[Actor, Depends(roles(*SALES, "integration_import", "auditor", "ops"))]
Looker = Annotated[Actor, Depends(roles(*SALES, "auditor", "ops"))]


def lead_router() -> APIRouter:
    return APIRouter(route_class=TransactionalRoute, tags=["leads"])


def answer(lead: Lead, tx: Tx, response: Response) -> queries.LeadView:
    """A changed lead, with its new revision as ETag."""
    revision = tx.revision_of(lead.id)
    response.headers["ETag"] = etag(revision)
    return queries.LeadView.model_validate({**lead.model_dump(), "revision": revision})
