"""The doors of billing-svc: finance's, and the bank's."""

from __future__ import annotations

from fastapi import APIRouter

from billing_svc.api import bank, books, invoices, statement_file
from billing_svc.api.doors import FINANCE
from billing_svc.policies import policies
from chassis.policies import policy_router

router = APIRouter()
for part in (bank, statement_file, invoices, books):
    router.include_router(part.router)
router.include_router(policy_router(policies, readers=FINANCE, changers=FINANCE))
