"""One read-only snapshot of each database, copied out as CSV: the server does the work in C."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from ltc.verify.extracts import Extract, extracts
from ltc.verify.sources import DOWNSTREAM_FIRST, CannotCheck, Sources

CONNECT_WITHIN_S = 5.0
TYPES = {
    "uuid": "UUID",
    "int8": "BIGINT",
    "int4": "INTEGER",
    "int2": "SMALLINT",
    "text": "VARCHAR",
    "varchar": "VARCHAR",
    "bool": "BOOLEAN",
    "timestamptz": "TIMESTAMPTZ",
    "date": "DATE",
    "json": "JSON",
    "jsonb": "JSON",
    "numeric": "DECIMAL(38, 6)",
}
"""PostgreSQL's types and what they are in the scratch database."""


@dataclass(frozen=True)
class Copied:
    """A file of rows for one scratch table, with the columns' names and types."""

    table: str
    columns: tuple[tuple[str, str], ...]
    file: Path


@asynccontextmanager
async def snapshots(sources: Sources) -> AsyncIterator[dict[str, asyncpg.Connection]]:
    """A transaction on every database that sees one moment and can write nothing. The moments
    follow each other downstream first; see `DOWNSTREAM_FIRST`. Raises CannotCheck."""
    async with AsyncExitStack() as stack:
        connections: dict[str, asyncpg.Connection] = {}
        for name in DOWNSTREAM_FIRST:
            connections[name] = await _connect(name, sources.databases[name])
            stack.push_async_callback(connections[name].close)
        for connection in connections.values():
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            await connection.execute("SELECT 1")
        yield connections


async def copy_out(
    connections: dict[str, asyncpg.Connection], folder: Path, say: Callable[[str], None]
) -> list[Copied]:
    """Everything the rules ask for, all databases at once. Raises CannotCheck."""

    async def one(name: str) -> list[Copied]:
        copied = [
            await _copy(connections[name], extract, folder / f"{name}-{n}.csv", name)
            for n, extract in enumerate(extracts(name))
        ]
        say(f"{name} read")
        return copied

    parts = await asyncio.gather(*(one(name) for name in connections))
    return [copied for part in parts for copied in part]


async def pending(connections: dict[str, asyncpg.Connection]) -> dict[str, tuple[int, int]]:
    """By service: facts in its outbox, messages it has parked."""
    query = (
        "SELECT (SELECT count(*) FROM outbox),"
        " (SELECT count(*) FROM parked_message WHERE state IN ('waiting', 'dead'))"
    )
    return {name: tuple(await c.fetchrow(query)) for name, c in connections.items()}


async def _connect(name: str, dsn: str) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(
            dsn,
            timeout=CONNECT_WITHIN_S,
            server_settings={
                "application_name": "ltc verify",
                "default_transaction_read_only": "on",
                "timezone": "UTC",
            },
        )
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise CannotCheck(f"the database of {name} does not answer: {error}") from error


async def _copy(
    connection: asyncpg.Connection, extract: Extract, file: Path, service: str
) -> Copied:
    try:
        statement = await connection.prepare(extract.query)
        columns = _columns(statement.get_attributes(), extract.table)
        await connection.copy_from_query(extract.query, output=file, format="csv")
    except asyncpg.UndefinedTableError as error:
        raise CannotCheck(f"the database of {service} is not migrated: {error}") from error
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise CannotCheck(f"{extract.table} of {service} cannot be read: {error}") from error
    return Copied(extract.table, columns, file)


def _columns(attributes: Sequence[asyncpg.Attribute], table: str) -> tuple[tuple[str, str], ...]:
    unknown = [a for a in attributes if a.type.name not in TYPES]
    if unknown:
        names = ", ".join(f"{a.name} ({a.type.name})" for a in unknown)
        raise CannotCheck(f"{table} has columns of types that are not known here: {names}")
    return tuple((a.name, TYPES[a.type.name]) for a in attributes)
