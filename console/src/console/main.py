"""console: every journey on one page, projected from the topics alone."""

from __future__ import annotations

from chassis.runtime import Service
from console import __version__
from console.api import router
from console.consumers import consumer
from console.sessions import SessionCookie
from console.spans import MAX_INFLATED
from console.timers import timers

service = Service(
    name="console",
    version=__version__,
    router=router,
    consumer=consumer,
    timers=timers,
    middleware=(SessionCookie,),
    larger_bodies={"/v1/traces": MAX_INFLATED},
    description="Projects every journey from the topics, and stores the spans it is sent.",
)
