"""The port to PostgreSQL for what runs often: statements in the driver's own words.

Rows travel as arrays that ``unnest`` takes apart, so that many cost one round trip (measured on the
hop prototype: about four times as fast as ``executemany``), and the `Writes` of a unit of work are
one statement. Values go to asyncpg as they are; JSON columns take JSON text. SQLAlchemy keeps the
connections, the tables and the queries of people: for a fact that comes alone, its way to the
driver costs more than the statement.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_PARAMETER = re.compile(r"\$(\d+)")


class NotBegun(RuntimeError):
    """A statement came outside of a transaction, where nothing would hold it together."""


class NotCommitted(RuntimeError):
    """The transaction had failed before its end: the database kept nothing of it."""


class Driver(Protocol):
    """The part of an asyncpg connection that is used here."""

    async def fetch(self, query: str, *args: Any) -> list[Any]: ...
    async def fetchrow(self, query: str, *args: Any) -> Any: ...
    async def execute(self, query: str, *args: Any) -> str: ...
    def is_in_transaction(self) -> bool: ...
    def is_closed(self) -> bool: ...


def _below(connection: AsyncConnection) -> Driver:
    driver: Driver = connection.sync_connection.connection.driver_connection  # type: ignore
    return driver


def _driver(connection: AsyncConnection) -> Driver:
    driver = _below(connection)
    if not driver.is_in_transaction():
        raise NotBegun("begin with `bulk.begun` or `Database.transaction`")
    return driver


def autocommit(engine: AsyncEngine) -> AsyncEngine:
    """The engine with the ends of transactions left to us. Who needs it often keeps it."""
    if engine.sync_engine.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
        return engine
    return engine.execution_options(isolation_level="AUTOCOMMIT")


async def _alive(connection: AsyncConnection) -> Driver:
    """The driver's connection; a new one in the place of one whose server went away meanwhile."""
    if _below(connection).is_closed():
        await connection.invalidate()
        await connection.get_raw_connection()
    return _below(connection)


@asynccontextmanager
async def begun(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection inside a transaction; leaving the block commits, an exception rolls back.

    SQLAlchemy sees a connection in autocommit: what it executes meanwhile is part of the
    transaction, which is not its own to end.
    """
    async with autocommit(engine).connect() as connection:
        driver = await _alive(connection)
        try:
            await driver.execute("BEGIN")
        except BaseException:
            # Cancelled meanwhile: whether it has begun is not known, and nobody else may find out.
            await connection.invalidate()
            raise
        try:
            yield connection
            if not driver.is_in_transaction():
                return  # rolled back inside
            if await driver.execute("COMMIT") != "COMMIT":
                raise NotCommitted("a statement had failed before the commit")
        except BaseException:
            await rollback(connection)
            raise


async def rollback(connection: AsyncConnection) -> None:
    """End the transaction without a trace of it. A connection that cannot is thrown away."""
    if connection.invalidated:
        return  # by SQLAlchemy, which saw it break
    driver = _below(connection)
    try:
        if not driver.is_closed() and driver.is_in_transaction():
            await driver.execute("ROLLBACK")
    finally:
        if driver.is_closed() or driver.is_in_transaction():
            await connection.invalidate()


async def ask(engine: AsyncEngine, statement: str, *values: Any) -> list[Any]:
    """The rows of one reading statement that needs no transaction around it."""
    async with autocommit(engine).connect() as connection:
        return await (await _alive(connection)).fetch(statement, *values)


async def fetch(connection: AsyncConnection, statement: str, *values: Any) -> list[Any]:
    """The rows of a statement; a row is read by position or ``row["name"]``."""
    return await _driver(connection).fetch(statement, *values)


async def first(connection: AsyncConnection, statement: str, *values: Any) -> Any:
    """The first row of a statement, or none."""
    return await _driver(connection).fetchrow(statement, *values)


async def execute(connection: AsyncConnection, statement: str, *values: Any) -> int:
    """How many rows a statement has changed."""
    tag = await _driver(connection).execute(statement, *values)
    count = tag.rpartition(" ")[2]
    return int(count) if count.isdigit() else 0


def _array_type(column: Column[Any]) -> str:
    return f"{column.type.compile(dialect=_DIALECT)}[]"


@lru_cache(maxsize=256)
def _insert(table: Table, names: tuple[str, ...], on_conflict: str) -> str:
    columns = ", ".join(f'"{name}"' for name in names)
    arrays = ", ".join(
        f"${n}::{_array_type(table.columns[name])}" for n, name in enumerate(names, start=1)
    )
    target = f"INSERT INTO {table.name} ({columns})"
    return f"{target} SELECT * FROM unnest({arrays}) {on_conflict}"  # noqa: S608 - our own names


@lru_cache(maxsize=256)
def _overwrite(names: tuple[str, ...], key: Sequence[str], keep: Sequence[str], where: str) -> str:
    changed = [n for n in names if n not in key and n not in keep]
    sets = ", ".join(f'"{n}" = excluded."{n}"' for n in changed)
    condition = f" WHERE {where}" if where else ""
    action = f"UPDATE SET {sets}{condition}" if changed else "NOTHING"
    return f"ON CONFLICT ({', '.join(key)}) DO {action}"


@lru_cache(maxsize=1024)
def _renumbered(statement: str, by: int) -> str:
    return _PARAMETER.sub(lambda m: f"${int(m[1]) + by}", statement) if by else statement


@lru_cache(maxsize=1024)
def _together(parts: tuple[str, ...]) -> str:
    ctes = ", ".join(f"w{n} AS ({part} RETURNING 1)" for n, part in enumerate(parts))
    counts = ", ".join(f"(SELECT count(*) FROM w{n})" for n in range(len(parts)))  # noqa: S608
    return f"WITH {ctes} SELECT {counts}"


class Writes:
    """Writes that go to the database as one statement, in one round trip.

    Each sees the database as it was before all of them; constraints and triggers are checked when
    all are done. No two of them may write the same row.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._values: list[Any] = []

    def add(self, statement: str, *values: Any) -> int:
        """Add an INSERT, UPDATE or DELETE; returns its place among the counts of `run`."""
        self._parts.append(_renumbered(statement, len(self._values)))
        self._values += values
        return len(self._parts) - 1

    def insert(
        self, table: Table, rows: Sequence[Mapping[str, Any]], *, on_conflict: str = ""
    ) -> int:
        """Add rows, inserted in their order; every row has the same columns."""
        names = tuple(rows[0])
        columns = ([row[name] for row in rows] for name in names)
        return self.add(_insert(table, names, on_conflict), *columns)

    def upsert(
        self,
        table: Table,
        rows: Sequence[Mapping[str, Any]],
        *,
        key: tuple[str, ...],
        keep: tuple[str, ...] = (),
        where: str = "",
    ) -> int:
        """Add rows, inserted or overwritten by ``key``; columns in ``keep`` stay as first written.

        ``where`` limits the overwriting (``t.revision = excluded.revision - 1``).
        """
        return self.insert(table, rows, on_conflict=_overwrite(tuple(rows[0]), key, keep, where))

    async def run(self, connection: AsyncConnection) -> list[int]:
        """Write; returns how many rows each part has written."""
        if not self._parts:
            return []
        row = await first(connection, _together(tuple(self._parts)), *self._values)
        return list(row)


async def insert(
    connection: AsyncConnection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    on_conflict: str = "",
) -> int:
    """Insert rows in their order; every row has the same columns. Returns how many were written."""
    if not rows:
        return 0
    writes = Writes()
    writes.insert(table, rows, on_conflict=on_conflict)
    [written] = await writes.run(connection)
    return written
