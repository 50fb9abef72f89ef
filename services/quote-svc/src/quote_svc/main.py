"""quote-svc: what we offer, at which price, and what the customer says to it."""

from __future__ import annotations

from chassis.runtime import Service
from quote_svc import __version__
from quote_svc.api import router
from quote_svc.clearings import CLEARINGS
from quote_svc.consumers import consumer
from quote_svc.storage import Quotes
from quote_svc.timers import timers

service = Service(
    name="quote-svc",
    version=__version__,
    router=router,
    consumer=consumer,
    repositories=(Quotes,),
    timers=timers,
    clearings=CLEARINGS,
    description="Prices what is asked for, gets it approved, and takes the customer's answer.",
)
