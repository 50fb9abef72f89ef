"""``python bulk_run_process.py``: one process that carries out bulk runs, for a test to kill.

Settings come from the environment as in a real process.
"""

from __future__ import annotations

import asyncio

from chassis.db import Database
from chassis.ops import bulk_runs
from chassis.settings import Settings
from chassis.timers import run_timer


async def main() -> None:
    database = Database(Settings(service="box-svc"))
    await run_timer(database, bulk_runs.timer("box-svc"))


if __name__ == "__main__":
    asyncio.run(main())
