"""``<service> migrate``: bring a service's database and consumer group up to date.

A deploy step, run before the new version starts, beside the old one that goes on serving: Alembic
under an advisory lock, the rights of the role that serves, the partitions of the coming days,
offsets (at the earliest record) for
topics the group does not know yet. No statement waits longer than the lock timeout, because whoever
comes after a waiting migration waits behind it; what could not be locked is tried again.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError
from alembic import command, context, op
from alembic.config import Config
from sqlalchemy import Connection, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from chassis import revisions, roles
from chassis.bulk import begun, execute, fetch
from chassis.cluster import Cluster
from chassis.consumer import Consumer
from chassis.exits import DatabaseAway, GaveUp, MustStop, TopicMissing, leave
from chassis.positions import of_group
from chassis.preflight import reach_database
from chassis.schema import KEEP_PARTITIONS, KEEPING_PARTITIONS
from chassis.settings import Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

logger = logging.getLogger(__name__)

LOCK = 0x6C7463
LOCK_TIMEOUT_MS = 2_000
PATIENCE_S = 300.0
BUSY = {"55P03", "40P01"}
"""Not locked in time, or in a deadlock: over when the others are done."""
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 5.0


def run_migrations() -> None:
    """The whole of a service's ``env.py``: run on the connection that `upgrade` opened."""
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


def create_index(name: str, definition: str, *, unique: bool = False) -> None:
    """For a migration: an index on a table that is in use. Readers and writers go on meanwhile;
    what an interrupted try left behind is dropped first."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # waits for old transactions, and holds up nobody
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute(f"CREATE {'UNIQUE ' if unique else ''}INDEX CONCURRENTLY {name} ON {definition}")
        op.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")


async def upgrade(
    package: str,
    database_url: str,
    *,
    revision: str = "head",
    runtime_role: str | None = None,
    lock_timeout_ms: int = LOCK_TIMEOUT_MS,
    patience_s: float = PATIENCE_S,
) -> None:
    """Migrate to a revision. Two callers at once wait for each other. A database that is ahead of
    this version and can still be used by it is left as it is: that is a rollback. ``runtime_role``
    is who serves, unless the owner does.

    Raises GaveUp when others hold what it needs for longer than its patience, DatabaseUnfit for a
    database that this version cannot use.
    """
    deadline = time.monotonic() + patience_s
    known = revisions.of_package(package)

    def run(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(revisions.folder(package)))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    async with _alone(database_url, lock_timeout_ms, deadline) as connection:
        at = await revisions.of_database(connection)
        await connection.commit()
        if at.revision is None or at.revision in known:
            await _insist(connection, lambda: connection.run_sync(run), deadline)
            await _insist(connection, lambda: _note_oldest(connection, package), deadline)
            await _insist(connection, lambda: _allow(connection, package, runtime_role), deadline)
        else:
            revisions.require_fit(package, known, at)
            logger.info("%s: the database is ahead (%s) and fits", package, at.revision)
        await _insist(connection, lambda: _run(connection, KEEP_PARTITIONS), deadline)


@asynccontextmanager
async def _alone(
    database_url: str, lock_timeout_ms: int, deadline: float
) -> AsyncIterator[AsyncConnection]:
    """A connection that holds the migrations of its database. Asked for again and again, never
    waited for: a waiting transaction would hold up the indexes that are built concurrently."""
    engine = create_async_engine(database_url)
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql(f"SET lock_timeout = {lock_timeout_ms}")
            await connection.commit()
            while not await _locked(connection):
                if time.monotonic() > deadline:
                    raise GaveUp("another migration of this database has not ended: see to it")
                await asyncio.sleep(SHORTEST_PAUSE_S)
            try:
                yield connection
            finally:
                await connection.rollback()
                await connection.exec_driver_sql(f"SELECT pg_advisory_unlock({LOCK})")
                await connection.commit()
    finally:
        await engine.dispose()


async def _locked(connection: AsyncConnection) -> bool:
    """Ask once for the migrations of this database."""
    answer = await connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({LOCK})")
    await connection.commit()
    return bool(answer.scalar())


async def _insist(
    connection: AsyncConnection, work: Callable[[], Awaitable[None]], deadline: float
) -> None:
    """Do work and commit it; again when others held what it needs. In the pauses, whoever queued
    behind it gets through."""
    pause = SHORTEST_PAUSE_S
    while True:
        try:
            await work()
            await connection.commit()
        except DBAPIError as error:
            await connection.rollback()
            if getattr(error.orig, "sqlstate", None) not in BUSY:
                raise
            if time.monotonic() + pause > deadline:
                raise GaveUp(
                    f"a table stayed locked by others ({error.orig}): end the long transaction"
                    " in pg_stat_activity, or migrate later"
                ) from error
            logger.info("held by others, again in %.2f s: %s", pause, error.orig)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)
        else:
            return


async def _run(connection: AsyncConnection, *statements: str) -> None:
    for statement in statements:
        await connection.exec_driver_sql(statement)


async def _allow(connection: AsyncConnection, package: str, runtime_role: str | None) -> None:
    """The rights of whoever serves. Not in a database that is ahead: which of its tables are only
    added to is known to the version that made them."""
    await _run(connection, *KEEPING_PARTITIONS)
    if runtime_role is not None:
        await roles.grant(connection, package, runtime_role)


async def _note_oldest(connection: AsyncConnection, package: str) -> None:
    """Leave in the database which versions of the code can still use it."""
    at = await revisions.of_database(connection)
    oldest = revisions.oldest_user(package, upto=at.revision)
    if oldest != at.oldest_user:
        await connection.exec_driver_sql(revisions.note(oldest))


async def ensure_group_offsets(database_url: str, cluster: Cluster, consumer: Consumer) -> int:
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
            given = await _give_offsets(cluster, consumer.group, new) if new else 0
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


async def _give_offsets(cluster: Cluster, group: str, topics: Sequence[str]) -> int:
    async with of_group(cluster, group, topics) as (consumer, wanted):
        missing = [p for p in wanted if await consumer.committed(p) is None]
        if missing:
            await consumer.commit(await consumer.beginning_offsets(missing))
        return len(missing)


async def _step(package: str, settings: Settings, *, subscribe: bool) -> None:
    url = settings.owner_url().get_secret_value()
    owner, runtime = (make_url(u).username for u in (url, settings.database_url.get_secret_value()))
    await reach_database(settings, as_owner=bool(settings.database_owner_url))
    await upgrade(
        package,
        url,
        runtime_role=runtime if runtime != owner else None,
        lock_timeout_ms=settings.migrate_lock_timeout_ms,
        patience_s=settings.migrate_patience_s,
    )
    consumer = importlib.import_module(f"{package}.main").service.consumer
    if not subscribe or not consumer.subscriptions:
        return
    cluster = settings.cluster()
    await cluster.be_let_in()
    try:
        new = await ensure_group_offsets(url, cluster, consumer)
    except LookupError as error:
        raise TopicMissing(str(error)) from error
    except KafkaError as error:
        raise GaveUp(
            f"the group {consumer.group} has no offsets yet, because Kafka at {cluster}"
            f" (LTC_KAFKA_BOOTSTRAP) does not do its part: {error}"
        ) from error
    if new:
        logger.info("%s: %d partitions start at their earliest record", consumer.group, new)


def step(package: str, *, subscribe: bool) -> None:
    """The whole deploy step, with the settings of the environment. Raises MustStop."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    settings = read_settings(package.replace("_", "-"))
    try:
        asyncio.run(_step(package, settings, subscribe=subscribe))
    except (SQLAlchemyError, OSError) as error:
        raise DatabaseAway(f"the migration of {package} was cut short: {error}") from error


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-subscribe", action="store_true", help="leave Kafka alone")


if __name__ == "__main__":
    outer = argparse.ArgumentParser(description=__doc__)
    outer.add_argument("package", help="lead_svc")
    add_options(outer)
    arguments = outer.parse_args()
    try:
        step(arguments.package, subscribe=not arguments.no_subscribe)
    except MustStop as error:
        leave(error)
