"""The doors of deal-svc."""

from __future__ import annotations

from fastapi import APIRouter

from chassis.policies import policy_router
from deal_svc.api import activities, deals, moved, work
from deal_svc.api.doors import SALES
from deal_svc.policies import policies

router = APIRouter()
for _doors in (deals, moved, work, activities):
    router.include_router(_doors.router)
router.include_router(policy_router(policies, readers=SALES, changers=("sales_manager", "admin")))
