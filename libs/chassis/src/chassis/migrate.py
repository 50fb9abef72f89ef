"""``python -m chassis.migrate lead_svc``: bring a service's database and consumer group up to date.

A deploy step, run before the new version starts: Alembic under an advisory lock, the partitions of
the coming days, offsets (at the earliest record) for topics the group does not know yet, and since
when each type of fact is heard.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from aiokafka.errors import KafkaError
from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from chassis.bulk import begun, execute, fetch
from chassis.consumer import Consumer
from chassis.positions import of_group
from chassis.schema import ensure_partitions
from chassis.settings import Settings

logger = logging.getLogger(__name__)

LOCK = 0x6C7463


def run_migrations() -> None:
    """The whole of a service's ``env.py``: run on the connection that `upgrade` opened."""
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def upgrade(package: str, database_url: str, *, revision: str = "head") -> None:
    """Migrate to a revision. Two callers at once wait for each other."""
    module = importlib.import_module(package)
    scripts = Path(module.__path__[0]) / "migrations"
    engine = create_async_engine(database_url)

    def run(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(scripts))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    async with engine.connect() as connection:
        await connection.exec_driver_sql("SET lock_timeout = '5s'")
        await connection.exec_driver_sql(f"SELECT pg_advisory_lock({LOCK})")
        await connection.commit()
        try:
            await connection.run_sync(run)
            await connection.commit()
            await ensure_partitions(connection, datetime.now(UTC))
            await connection.commit()
        finally:
            await connection.rollback()
            await connection.exec_driver_sql(f"SELECT pg_advisory_unlock({LOCK})")
            await connection.commit()
    await engine.dispose()


async def ensure_group_offsets(database_url: str, bootstrap: str, consumer: Consumer) -> int:
    """Start a group at the earliest record of topics that it has never been started on.

    Without this a new subscription would stop loudly (``auto_offset_reset=none``). What the group
    was started on is kept in the service's own database, because a broker that has just come up
    may for a moment know of no offsets. Returns how many partitions were given one. Raises
    LookupError when a topic does not exist.
    """
    engine = create_async_engine(database_url)
    try:
        async with begun(engine) as connection:
            rows = await fetch(
                connection, "SELECT topic FROM subscription WHERE consumer = $1", consumer.group
            )
            known = {row[0] for row in rows}
            new = sorted(set(consumer.topics) - known)
            given = await _give_offsets(bootstrap, consumer.group, new) if new else 0
            for topic in new:
                await execute(
                    connection,
                    "INSERT INTO subscription VALUES ($1, $2, now())",
                    consumer.group,
                    topic,
                )
            await _note_types(connection, consumer, known)
        return given
    finally:
        await engine.dispose()


async def _note_types(connection: AsyncConnection, consumer: Consumer, known: set[str]) -> None:
    """Keep since when each type of fact is heard, as ``topic/type``: always, if it came with its
    topic; else from now on, because what the group has passed by is not sent again."""
    heard = {
        f"{group[0].fact.topic}/{name}": group[0].fact.topic
        for name, group in consumer.subscriptions.items()
    }
    for name in sorted(heard.keys() - known):
        since = "now()" if heard[name] in known else "'-infinity'"
        await execute(
            connection,
            f"INSERT INTO subscription VALUES ($1, $2, {since})",  # noqa: S608 - one of these two
            consumer.group,
            name,
        )
    await execute(
        connection,
        "DELETE FROM subscription WHERE consumer = $1 AND topic = ANY($2::text[])",
        consumer.group,
        [name for name in known - heard.keys() if "/" in name],
    )


async def _give_offsets(bootstrap: str, group: str, topics: Sequence[str]) -> int:
    async with of_group(bootstrap, group, topics) as (consumer, wanted):
        missing = [p for p in wanted if await consumer.committed(p) is None]
        if missing:
            await consumer.commit(await consumer.beginning_offsets(missing))
        return len(missing)


async def main(package: str, *, subscribe: bool) -> None:
    settings = Settings()
    await upgrade(package, settings.database_url.get_secret_value())
    consumer = importlib.import_module(f"{package}.main").service.consumer
    if subscribe and consumer.subscriptions:
        new = await ensure_group_offsets(
            settings.database_url.get_secret_value(), settings.kafka_bootstrap, consumer
        )
        if new:
            logger.info("%s: %d partitions start at their earliest record", consumer.group, new)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", help="lead_svc")
    parser.add_argument("--no-subscribe", action="store_true", help="leave Kafka alone")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    try:
        asyncio.run(main(arguments.package, subscribe=not arguments.no_subscribe))
    except (LookupError, OSError, KafkaError) as error:
        raise SystemExit(f"{arguments.package}: {error}") from error
