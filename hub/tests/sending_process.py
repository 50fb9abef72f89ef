"""``python sending_process.py``: one instance of the hub's dispatcher, to be killed from outside.

Settings come from the environment as in a real process; the lease is short, so that a test need
not wait a minute for what a killed one had taken.
"""

from __future__ import annotations

import asyncio

from chassis.db import Database
from chassis.metrics import Metrics
from chassis.settings import Settings
from hub.webhooks.dispatcher import Dispatcher


async def main() -> None:
    settings = Settings(service="hub")
    metrics = Metrics("hub", instance=settings.instance)
    await Dispatcher(Database(settings), settings, metrics, lease_s=2.0).run()


if __name__ == "__main__":
    asyncio.run(main())
