"""The layer over the PostgreSQL driver: transactions, batched writes, broken connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from chassis import bulk
from chassis.failures import is_infrastructure
from testkit.servers import create_database, drop_database

DIE = "SELECT pg_terminate_backend(pg_backend_pid())"


MOMENTS = 60
"""At which a transaction is cancelled, over twice the time that one takes on this machine."""


@pytest.fixture
async def engine() -> AsyncIterator[AsyncEngine]:
    name = f"t_bulk_{uuid4().hex[:8]}"
    url = create_database(name).replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(url, pool_size=1, max_overflow=0)
    async with bulk.begun(engine) as connection:
        await bulk.execute(connection, "CREATE TABLE kept (n int PRIMARY KEY)")
    yield engine
    await engine.dispose()
    drop_database(name)


async def keep(connection: AsyncConnection, *numbers: int) -> int:
    statement = "INSERT INTO kept SELECT unnest($1::int[])"
    return await bulk.execute(connection, statement, list(numbers))


async def kept(engine: AsyncEngine) -> list[int]:
    return [row[0] for row in await bulk.ask(engine, "SELECT n FROM kept ORDER BY n")]


async def test_sql_transaction_is_atomic(engine: AsyncEngine) -> None:
    async with bulk.begun(engine) as connection:
        assert await keep(connection, 1, 2) == 2
        await connection.execute(text("INSERT INTO kept VALUES (3)"))
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with bulk.begun(engine) as connection:
            await keep(connection, 4)
            await connection.execute(text("INSERT INTO kept VALUES (5)"))
            raise ZeroDivisionError
    assert await kept(engine) == [1, 2, 3]


async def test_sql_refuses_writes_outside_a_transaction(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        with pytest.raises(bulk.NotBegun):
            await keep(connection, 1)
    async with bulk.begun(engine) as connection:
        await bulk.rollback(connection)
        with pytest.raises(bulk.NotBegun):
            await keep(connection, 1)
    assert await kept(engine) == []


async def test_sql_transaction_with_a_swallowed_error_raises_not_committed(
    engine: AsyncEngine,
) -> None:
    with pytest.raises(bulk.NotCommitted):  # noqa: PT012
        async with bulk.begun(engine) as connection:
            await keep(connection, 1)
            with pytest.raises(asyncpg.UniqueViolationError):
                await keep(connection, 1)
    assert await kept(engine) == []


@pytest.mark.parametrize("by", ["driver", "sqlalchemy"])
async def test_sql_broken_connection_is_an_environment_error_and_is_replaced(
    engine: AsyncEngine, by: str
) -> None:
    with pytest.raises(Exception) as broken:  # noqa: PT011, PT012 - which one is what is looked at
        async with bulk.begun(engine) as connection:
            await keep(connection, 1)
            if by == "driver":
                await bulk.fetch(connection, DIE)
            else:
                await connection.execute(text(DIE))
    assert is_infrastructure(broken.value)
    async with bulk.begun(engine) as connection:
        await keep(connection, 2)
    assert await kept(engine) == [2]


@asynccontextmanager
async def half_open(engine: AsyncEngine) -> AsyncIterator[tuple[AsyncEngine, asyncio.Event]]:
    """The same database over a proxy that passes data on but not the server's close, and an event
    that is set when the server has closed."""
    ended = asyncio.Event()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)

    async def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(engine.url.host, engine.url.port)
        up = asyncio.create_task(pump(reader, back))
        await pump(there, writer)
        ended.set()
        await up
        back.close()
        writer.close()

    line = await asyncio.start_server(joined, "127.0.0.1", 0)
    port = line.sockets[0].getsockname()[1]
    over = create_async_engine(engine.url.set(port=port), pool_size=1, max_overflow=0)
    yield over, ended
    await over.dispose()
    line.close()


async def test_sql_half_closed_connection_is_an_environment_error(
    engine: AsyncEngine,
) -> None:
    async with half_open(engine) as (over, ended):
        [[idle]] = await bulk.ask(over, "SELECT pg_backend_pid()")
        await bulk.ask(engine, "SELECT pg_terminate_backend($1, 2000)", idle)
        await ended.wait()
        with pytest.raises(asyncpg.InternalClientError) as broken:
            async with bulk.begun(over):
                pass
    assert is_infrastructure(broken.value)


async def test_sql_connection_broken_while_idle_is_replaced(engine: AsyncEngine) -> None:
    [[idle]] = await bulk.ask(engine, "SELECT pg_backend_pid()")
    other = create_async_engine(engine.url)
    await bulk.ask(other, "SELECT pg_terminate_backend($1, 2000)", idle)
    await other.dispose()
    async with bulk.begun(engine) as connection:
        await keep(connection, 1)
    assert await kept(engine) == [1]


async def test_sql_writes_run_in_one_round_trip_with_separate_counts(engine: AsyncEngine) -> None:
    async with bulk.begun(engine) as connection:
        await keep(connection, 1, 2, 3)
        writes = bulk.Writes()
        gone = writes.add("DELETE FROM kept WHERE n = ANY($1::int[])", [1, 2])
        new = writes.add("INSERT INTO kept SELECT unnest($1::int[])", [7])
        none = writes.add("UPDATE kept SET n = $1 WHERE n = $2", 9, 8)
        counts = await writes.run(connection)
        assert await bulk.Writes().run(connection) == []
    assert (counts[gone], counts[new], counts[none]) == (2, 1, 0)
    assert await kept(engine) == [3, 7]


async def test_sql_cancelled_task_leaves_no_open_transaction(
    engine: AsyncEngine,
) -> None:
    """The pool has one connection, so an open transaction would reach the next user."""

    async def work() -> None:
        while True:
            async with bulk.begun(engine) as connection:
                await bulk.fetch(connection, "SELECT 1")

    began = time.perf_counter()
    async with bulk.begun(engine) as connection:
        await bulk.fetch(connection, "SELECT 1")
    whole_s = time.perf_counter() - began
    for moment in range(MOMENTS):
        task = asyncio.create_task(work())
        await asyncio.sleep(2 * whole_s * moment / MOMENTS)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
