"""lead-svc: who showed interest, and whether it is worth a deal."""

from __future__ import annotations

from chassis.runtime import Service
from lead_svc import __version__
from lead_svc.api import router
from lead_svc.api.imports import FILE_BYTES
from lead_svc.clearings import CLEARINGS
from lead_svc.consumers import consumer
from lead_svc.storage import Leads
from lead_svc.timers import timers

service = Service(
    name="lead-svc",
    version=__version__,
    router=router,
    consumer=consumer,
    repositories=(Leads,),
    timers=timers,
    clearings=CLEARINGS,
    larger_bodies={"/leads/batch": 8 * 1024 * 1024, "/leads/imports": FILE_BYTES},
    description="Captures leads, removes duplicates, scores and qualifies them.",
)
