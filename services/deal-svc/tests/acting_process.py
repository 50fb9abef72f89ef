"""``python acting_process.py``: one instance of what acts on many keys, to be killed from outside.

Settings come from the environment as in a real process.
"""

from __future__ import annotations

import asyncio

from chassis.db import Database
from chassis.ops import bulk_runs
from chassis.settings import Settings
from chassis.timers import run_timer
from deal_svc.consumers import consumer


async def main() -> None:
    database = Database(Settings(service="deal-svc"))
    await run_timer(database, bulk_runs.timer(consumer.group))


if __name__ == "__main__":
    asyncio.run(main())
