"""hub: facts for everybody outside, kept in one order."""

from __future__ import annotations

from chassis.runtime import Service
from hub import __version__
from hub.api import router
from hub.consumers import consumer
from hub.feed import keep_days
from hub.timers import timers

service = Service(
    name="hub",
    version=__version__,
    router=router,
    consumer=consumer,
    timers=timers,
    on_start=keep_days,
    description="Gives facts to systems outside: a feed to pull, states to start from.",
)
