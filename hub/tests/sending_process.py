"""``python sending_process.py``: what sends and deals replays out, to be killed from outside.

Settings come from the environment as in a real process; the lease is short, so that a test need
not wait a minute for what a killed one had taken.
"""

from __future__ import annotations

import asyncio

from chassis.db import Database
from chassis.metrics import Metrics
from chassis.settings import Settings
from chassis.timers import run_timer
from hub.main import service
from hub.webhooks.dispatcher import Dispatcher


async def main() -> None:
    settings = Settings(service="hub")
    metrics = Metrics("hub", instance=settings.instance)
    database = Database(settings)
    dealing = next(t for t in service.timers.timers if t.name == "deal_replays")
    await asyncio.gather(
        Dispatcher(database, settings, metrics, lease_s=2.0).run(), run_timer(database, dealing)
    )


if __name__ == "__main__":
    asyncio.run(main())
