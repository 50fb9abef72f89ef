"""Many rows in one statement: arrays in, ``unnest`` inside, one round trip.

Measured on the hop prototype: about four times as fast as ``executemany`` and thirty times as fast
as one statement per row. Values go to the driver as they are; JSON columns take JSON text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


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


def _columns(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> tuple[list[Any], ...]:
    return tuple([row[name] for row in rows] for name in names)


async def fetch(connection: AsyncConnection, statement: str, *values: Any) -> list[Any]:
    """The rows of a statement in the driver's own words (``$1``)."""
    return list((await connection.exec_driver_sql(statement, values)).all())


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
    names = tuple(rows[0])
    statement = _insert(table, names, on_conflict)
    result = await connection.exec_driver_sql(statement, _columns(names, rows))
    return result.rowcount


async def upsert(
    connection: AsyncConnection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    keep: Sequence[str] = (),
    where: str = "",
) -> int:
    """Insert or overwrite by ``key``; columns in ``keep`` stay as first written.

    ``where`` limits the overwriting (``t.revision = excluded.revision - 1``). Returns how many rows
    were written, so that a caller can tell that one was not.
    """
    if not rows:
        return 0
    names = tuple(rows[0])
    changed = [n for n in names if n not in key and n not in keep]
    sets = ", ".join(f'"{n}" = excluded."{n}"' for n in changed)
    condition = f" WHERE {where}" if where else ""
    target = ", ".join(key)
    action = f"UPDATE SET {sets}{condition}" if changed else "NOTHING"
    clause = f"ON CONFLICT ({target}) DO {action}"
    return await insert(connection, table, rows, on_conflict=clause)
