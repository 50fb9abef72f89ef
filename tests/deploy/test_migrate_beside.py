"""Migrations beside a version that serves: nobody queues behind them longer than the timeout."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from chassis import revisions
from chassis.exits import DatabaseUnfit, GaveUp
from chassis.migrate import upgrade
from tests.deploy.growing import Growing, growing

LOCK_TIMEOUT_MS = 300
LONG_S = 2.5
MORE_COLUMNS = "op.execute('ALTER TABLE deal ADD more text')"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Growing]:
    with growing(tmp_path) as made:
        yield made


async def longest_read(dsn: str, until: asyncio.Event) -> float:
    """The longest that a reader of the table waits for its answer."""
    reader = await asyncpg.connect(dsn)
    longest = 0.0
    try:
        while not until.is_set():
            began = time.monotonic()
            await reader.fetch("SELECT * FROM deal LIMIT 1")
            longest = max(longest, time.monotonic() - began)
            await asyncio.sleep(0.01)
        return longest
    finally:
        await reader.close()


async def test_a_migration_waits_briefly_and_often_while_others_read_on(
    service: Growing, caplog: pytest.LogCaptureFixture
) -> None:
    await upgrade(service.package, service.url)
    service.grow(MORE_COLUMNS)
    holder = await asyncpg.connect(service.dsn)
    transaction = holder.transaction()
    await transaction.start()
    await holder.fetch("SELECT * FROM deal LIMIT 1")
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


async def test_a_migration_that_cannot_get_its_table_gives_up_and_changes_nothing(
    service: Growing,
) -> None:
    await upgrade(service.package, service.url)
    service.grow(MORE_COLUMNS)
    holder = await asyncpg.connect(service.dsn)
    transaction = holder.transaction()
    await transaction.start()
    await holder.fetch("SELECT * FROM deal LIMIT 1")
    try:
        with pytest.raises(GaveUp, match="pg_stat_activity"):
            await upgrade(service.package, service.url, lock_timeout_ms=100, patience_s=1)
    finally:
        await transaction.rollback()
        await holder.close()

    assert await columns(service) == ["id", "note"]


async def test_two_migrators_that_build_an_index_do_not_block_each_other(service: Growing) -> None:
    await upgrade(service.package, service.url)
    service.grow("create_index('ix_deal_note', 'deal (note)')")

    await asyncio.wait_for(
        asyncio.gather(*(upgrade(service.package, service.url) for _ in range(3))), 30
    )

    assert await valid_indexes(service) == ["deal_pkey", "ix_deal_note"]


async def test_an_index_left_unfinished_is_built_anew(service: Growing) -> None:
    service.grow("create_index('ix_deal_note', 'deal (note)')")
    await upgrade(service.package, service.url, revision="0001")
    connection = await asyncpg.connect(service.dsn)
    try:
        await connection.execute("CREATE INDEX ix_deal_note ON deal (id)")
        await connection.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_deal_note'::regclass"
        )
    finally:
        await connection.close()

    await upgrade(service.package, service.url)

    assert await valid_indexes(service) == ["deal_pkey", "ix_deal_note"]


async def test_a_version_before_an_expanding_migration_goes_on_and_migrates_nothing(
    service: Growing,
) -> None:
    service.grow(MORE_COLUMNS)
    await upgrade(service.package, service.url)
    service.shrink()

    await upgrade(service.package, service.url)

    assert await columns(service) == ["id", "more", "note"]
    await require_fit(service)


async def test_a_version_that_a_contracting_migration_left_behind_is_refused(
    service: Growing,
) -> None:
    service.grow(MORE_COLUMNS)
    service.grow("op.execute('ALTER TABLE deal DROP COLUMN note')", "oldest_user = '0002'")
    await upgrade(service.package, service.url)
    service.shrink()
    await require_fit(service)
    service.shrink()

    for refused in (upgrade(service.package, service.url), require_fit(service)):
        with pytest.raises(DatabaseUnfit, match="0003, which only versions from revision 0002"):
            await refused


async def require_fit(service: Growing) -> None:
    """What a process asks before it serves."""
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
        "SELECT column_name::text FROM information_schema.columns WHERE table_name = 'deal'"
        " ORDER BY 1",
    )


async def valid_indexes(service: Growing) -> list[str]:
    return await ask(
        service,
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'deal'::regclass"
        " AND indisvalid ORDER BY 1",
    )
