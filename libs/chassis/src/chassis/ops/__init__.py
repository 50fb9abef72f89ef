"""``/ops``: what on-call asks a service, and what they may do to it. Every act is audited."""

from fastapi import APIRouter

from chassis.ops import (
    audit_trail,
    bulk_runs,
    edit,
    expectations,
    failures,
    hold,
    look,
    replay,
    timers,
    unsent,
)
from chassis.ops import retry as retry_and_skip

router = APIRouter(prefix="/ops", tags=["ops"])
for _part in (
    look,
    retry_and_skip,
    hold,
    edit,
    replay,
    timers,
    unsent,
    failures,
    bulk_runs,
    expectations,
    audit_trail,
):
    router.include_router(_part.router)
