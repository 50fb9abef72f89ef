"""``python -m ltc.migrations``: every service's deploy step in one process, as a laptop wants it.

Does what ``python -m chassis.migrate`` does for one service, for all of them, without paying for
the imports each time. The databases do not wait for Kafka; the offsets of new groups do. Reads
from the standard input: ``{"bootstrap": …, "databases": {package: {"url": the owner's SQLAlchemy
URL, "runtime_role": who serves}}}``.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import sys
import time

from aiokafka.errors import KafkaError
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from chassis.cluster import Cluster
from chassis.exits import MustStop
from chassis.migrate import ensure_group_offsets, upgrade
from chassis.settings import Settings

KAFKA_WITHIN_S = 90.0


async def migrate(databases: dict[str, dict[str, str]], cluster: Cluster) -> None:
    """Migrate one database after the other, then subscribe every group. Exits with a message that
    names the service when one fails."""
    for package, database in databases.items():
        try:
            await upgrade(package, database["url"], runtime_role=database["runtime_role"])
        except (ImportError, MustStop, SQLAlchemyError, CommandError, OSError) as error:
            raise SystemExit(f"the migration of {package} failed: {error}") from error
    await asyncio.gather(
        *(_subscribe(package, d["url"], cluster) for package, d in databases.items())
    )


async def _subscribe(package: str, url: str, cluster: Cluster) -> None:
    """Give a service's group its first offsets, as soon as Kafka and the topics are there."""
    consumer = importlib.import_module(f"{package}.main").service.consumer
    deadline = time.monotonic() + KAFKA_WITHIN_S
    while consumer.subscriptions:
        try:
            await ensure_group_offsets(url, cluster, consumer)
        except (LookupError, KafkaError, OSError) as error:
            if time.monotonic() > deadline:
                raise SystemExit(f"{package} could not subscribe: {error}") from error
            await asyncio.sleep(0.25)
        else:
            return


if __name__ == "__main__":
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    wanted = json.load(sys.stdin)
    kafka = Settings(kafka_bootstrap=wanted["bootstrap"]).cluster()
    asyncio.run(migrate(wanted["databases"], kafka))
