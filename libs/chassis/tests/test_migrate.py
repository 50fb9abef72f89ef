"""Migrations beside a running version: no query waits longer than the lock timeout."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from growing_package import Growing, growing
from sqlalchemy.ext.asyncio import create_async_engine

from chassis import revisions
from chassis.exits import DatabaseUnfit, GaveUp
from chassis.migrate import upgrade

LOCK_TIMEOUT_MS = 300
LONG_S = 2.5
MORE_COLUMNS = "op.execute('ALTER TABLE thing ADD more text')"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Growing]:
    with growing(tmp_path) as made:
        yield made


async def longest_read(dsn: str, until: asyncio.Event) -> float:
    """The longest time that a reader of the table waits, in seconds."""
    reader = await asyncpg.connect(dsn)
    longest = 0.0
    try:
        while not until.is_set():
            began = time.monotonic()
            await reader.fetch("SELECT * FROM thing LIMIT 1")
            longest = max(longest, time.monotonic() - began)
            await asyncio.sleep(0.01)
        return longest
    finally:
        await reader.close()


async def test_migrate_retries_with_a_lock_timeout_while_others_read(
    service: Growing, caplog: pytest.LogCaptureFixture
) -> None:
    await upgrade(service.package, service.url)
    service.grow(MORE_COLUMNS)
    holder = await asyncpg.connect(service.dsn)
    transaction = holder.transaction()
    await transaction.start()
    await holder.fetch("SELECT * FROM thing LIMIT 1")
    over = asyncio.Event()
    reading = asyncio.create_task(longest_read(service.dsn, over))

    with caplog.at_level(logging.INFO, logger="chassis.migrate"):
        migrating = asyncio.create_task(
            upgrade(service.package, service.url, lock_timeout_ms=LOCK_TIMEOUT_MS)
        )
        await asyncio.sleep(LONG_S)
        ended_early = migrating.done()
        await transaction.rollback()
        await migrating
    over.set()
    longest = await reading
    await holder.close()

    tries = [message for message in caplog.messages if "held by others" in message]
    assert not ended_early
    assert len(tries) >= 3
    assert LOCK_TIMEOUT_MS / 2000 < longest < LOCK_TIMEOUT_MS / 1000 + 0.3
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

    await asyncio.wait_for(
        asyncio.gather(*(upgrade(service.package, service.url) for _ in range(3))), 30
    )

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
