"""Migrations beside a running version: no query waits longer than the lock timeout."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from growing_package import Growing, growing
from sqlalchemy.ext.asyncio import create_async_engine

from chassis import revisions
from chassis.exits import DatabaseUnfit, GaveUp
from chassis.migrate import upgrade
from testkit.deadline import DEADLINE_S
from testkit.service_instances import eventually

LOCK_TIMEOUT_MS = 300
QUEUED_READER = """
SELECT 1 FROM pg_locks
WHERE relation = 'thing'::regclass AND mode = 'AccessShareLock' AND NOT granted
"""
MORE_COLUMNS = "op.execute('ALTER TABLE thing ADD more text')"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Growing]:
    with growing(tmp_path) as made:
        yield made


class Reader:
    """Reads the table all the time."""

    answered = 0

    async def read(self, dsn: str) -> None:
        connection = await asyncpg.connect(dsn)
        try:
            while True:
                await connection.fetch("SELECT * FROM thing LIMIT 1")
                self.answered += 1
                await asyncio.sleep(0.01)
        finally:
            await connection.close()


async def test_migrate_retries_with_a_lock_timeout_while_others_read(
    service: Growing, caplog: pytest.LogCaptureFixture
) -> None:
    await upgrade(service.package, service.url)
    service.grow(MORE_COLUMNS)
    holder = await asyncpg.connect(service.dsn)
    transaction = holder.transaction()
    await transaction.start()
    await holder.fetch("SELECT * FROM thing LIMIT 1")
    reader = Reader()
    reading = asyncio.create_task(reader.read(service.dsn))

    async def queues() -> bool:
        return bool(await ask(service, QUEUED_READER))

    async def tries() -> bool:
        return sum("held by others" in message for message in caplog.messages) >= 3

    with caplog.at_level(logging.INFO, logger="chassis.migrate"):
        migrating = asyncio.create_task(
            upgrade(service.package, service.url, lock_timeout_ms=LOCK_TIMEOUT_MS)
        )
        await eventually(queues, True)
        before = reader.answered

        async def read_on() -> bool:
            return reader.answered > before

        await eventually(read_on, True)  # though the table is held, and wanted
        await eventually(tries, True)
        assert not migrating.done()
        await transaction.rollback()
        await migrating
    reading.cancel()
    await asyncio.wait([reading])
    await holder.close()

    assert await columns(service) == ["id", "more", "note"]


async def test_migrate_gives_up_without_changes_when_a_table_stays_locked(
    service: Growing,
) -> None:
    await upgrade(service.package, service.url)
    service.grow(MORE_COLUMNS)
    holder = await asyncpg.connect(service.dsn)
    transaction = holder.transaction()
    await transaction.start()
    await holder.fetch("SELECT * FROM thing LIMIT 1")
    try:
        with pytest.raises(GaveUp, match="pg_stat_activity"):
            await upgrade(service.package, service.url, lock_timeout_ms=100, patience_s=1)
    finally:
        await transaction.rollback()
        await holder.close()

    assert await columns(service) == ["id", "note"]


async def test_migrate_builds_an_index_with_concurrent_migrators(service: Growing) -> None:
    await upgrade(service.package, service.url)
    service.grow("create_index('ix_thing_note', 'thing (note)')")

    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*(upgrade(service.package, service.url) for _ in range(3)))

    assert await valid_indexes(service) == ["ix_thing_note", "thing_pkey"]


async def test_migrate_rebuilds_an_unfinished_index(service: Growing) -> None:
    service.grow("create_index('ix_thing_note', 'thing (note)')")
    await upgrade(service.package, service.url, revision="0001")
    connection = await asyncpg.connect(service.dsn)
    try:
        await connection.execute("CREATE INDEX ix_thing_note ON thing (id)")
        await connection.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_thing_note'::regclass"
        )
    finally:
        await connection.close()

    await upgrade(service.package, service.url)

    assert await valid_indexes(service) == ["ix_thing_note", "thing_pkey"]


async def test_migrate_accepts_a_database_one_expanding_migration_ahead(
    service: Growing,
) -> None:
    service.grow(MORE_COLUMNS)
    await upgrade(service.package, service.url)
    service.shrink()

    await upgrade(service.package, service.url)

    assert await columns(service) == ["id", "more", "note"]
    await require_fit(service)


async def test_migrate_refuses_a_version_older_than_a_contracting_migration(
    service: Growing,
) -> None:
    service.grow(MORE_COLUMNS)
    service.grow("op.execute('ALTER TABLE thing DROP COLUMN note')", "oldest_user = '0002'")
    await upgrade(service.package, service.url)
    service.shrink()
    await require_fit(service)
    service.shrink()

    for refused in (upgrade(service.package, service.url), require_fit(service)):
        with pytest.raises(DatabaseUnfit, match="0003, which only versions from revision 0002"):
            await refused


async def require_fit(service: Growing) -> None:
    """The check that a process makes before it serves."""
    engine = create_async_engine(service.url)
    try:
        async with engine.connect() as connection:
            at = await revisions.of_database(connection)
        revisions.require_fit(service.package, revisions.of_package(service.package), at)
    finally:
        await engine.dispose()


async def ask(service: Growing, statement: str) -> list[str]:
    connection = await asyncpg.connect(service.dsn)
    try:
        return [row[0] for row in await connection.fetch(statement)]
    finally:
        await connection.close()


async def columns(service: Growing) -> list[str]:
    return await ask(
        service,
        "SELECT column_name::text FROM information_schema.columns WHERE table_name = 'thing'"
        " ORDER BY 1",
    )


async def valid_indexes(service: Growing) -> list[str]:
    return await ask(
        service,
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'thing'::regclass"
        " AND indisvalid ORDER BY 1",
    )
