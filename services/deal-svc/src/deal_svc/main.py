"""deal-svc: what may become a sale, and how far it has come."""

from __future__ import annotations

from chassis.runtime import Service
from deal_svc import __version__
from deal_svc.api import router
from deal_svc.clearings import CLEARINGS
from deal_svc.consumers import consumer
from deal_svc.storage import Deals
from deal_svc.timers import timers

service = Service(
    name="deal-svc",
    version=__version__,
    router=router,
    consumer=consumer,
    repositories=(Deals,),
    timers=timers,
    clearings=CLEARINGS,
    larger_bodies={"/deals/batch": 8 * 1024 * 1024},
    description="Leads opportunities from need to signature; won follows the signed contract.",
)
