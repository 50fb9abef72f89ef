"""The doors of lead-svc."""

from __future__ import annotations

from fastapi import APIRouter

from chassis.policies import policy_router
from lead_svc.api import activities, capture, imports, work
from lead_svc.api.doors import SALES
from lead_svc.policies import policies

router = APIRouter()
for _doors in (capture, imports, work, activities):
    router.include_router(_doors.router)
router.include_router(policy_router(policies, readers=SALES, changers=("sales_manager", "admin")))
