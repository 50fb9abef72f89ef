"""hub: facts for everybody outside, kept in one order."""

from __future__ import annotations

from fastapi import APIRouter

from chassis.runtime import Service
from hub import __version__
from hub.api import router
from hub.consumers import consumer
from hub.feed import keep_days
from hub.stragglers import router as stragglers
from hub.timers import timers
from hub.webhooks.api import router as webhooks
from hub.webhooks.dispatcher import dispatch
from hub.webhooks.replays_api import router as replays

doors = APIRouter()
doors.include_router(router)
doors.include_router(webhooks)
doors.include_router(replays)
doors.include_router(stragglers)

service = Service(
    name="hub",
    version=__version__,
    router=doors,
    consumer=consumer,
    timers=timers,
    on_start=keep_days,
    background=(dispatch,),
    description="Gives facts to systems outside: a feed to pull, states to start from.",
)
