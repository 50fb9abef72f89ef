"""The doors of quote-svc: ours, and the one that a customer's link opens."""

from __future__ import annotations

from fastapi import APIRouter

from chassis.policies import policy_router
from quote_svc.api import offers, prices, quotes
from quote_svc.api.doors import SALES
from quote_svc.policies import policies

router = APIRouter()
for _doors in (quotes, offers, prices):
    router.include_router(_doors.router)
router.include_router(policy_router(policies, readers=SALES, changers=("sales_manager", "admin")))
