"""order-svc: what was promised gets delivered."""

from __future__ import annotations

from chassis.runtime import Service
from order_svc import __version__
from order_svc.api import router
from order_svc.clearings import CLEARINGS
from order_svc.consumers import consumer
from order_svc.storage import Orders
from order_svc.timers import timers

service = Service(
    name="order-svc",
    version=__version__,
    router=router,
    consumer=consumer,
    repositories=(Orders,),
    timers=timers,
    clearings=CLEARINGS,
    description="Places orders from signed contracts and follows every piece to the customer.",
)
