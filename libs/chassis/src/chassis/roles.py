"""What the roles of a service's database may do: the owner migrates, the runtime role serves.

The owner's migration grants the runtime role what serving takes and takes back what is not stated
here, at every run, so a table is covered from the migration on that makes it. Tables marked
`chassis.tables.APPEND_ONLY` can be read and added to, whatever a bug or an intruder asks for.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import MetaData
from sqlalchemy.dialects.postgresql import dialect
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit, policies  # noqa: F401 - so that their tables are known
from chassis.exits import NotPermitted
from chassis.revisions import VERSION_TABLE
from chassis.tables import ChassisRow

TABLES = """
SELECT c.relname, c.relkind FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'S')
  AND NOT c.relispartition ORDER BY c.relname
"""
REWRITABLE = """
SELECT string_agg(name, ', ' ORDER BY name) FROM unnest($1::text[]) AS name
WHERE to_regclass(name) IS NOT NULL
  AND has_table_privilege(name, 'UPDATE, DELETE, TRUNCATE')
"""
_quote = dialect().identifier_preparer.quote_identifier  # type: ignore[no-untyped-call]


def append_only(package: str) -> set[str]:
    """The tables of a service whose rows are written once and kept, those of the mechanics too."""
    own: MetaData = importlib.import_module(f"{package}.storage").Row.metadata
    tables = {**ChassisRow.metadata.tables, **own.tables}
    return {name for name, table in tables.items() if table.info.get("append_only")}


async def grant(connection: AsyncConnection, package: str, role: str) -> None:
    """Give the runtime role what it needs and nothing else. The caller commits. Raises NotPermitted
    when there is no such role."""
    known = await connection.exec_driver_sql("SELECT 1 FROM pg_roles WHERE rolname = $1", (role,))
    if known.scalar() is None:
        raise NotPermitted(
            f"PostgreSQL knows no role {role} of LTC_DATABASE_URL: create it, or name one that is"
            " there"
        )
    found = [tuple(row) for row in await connection.exec_driver_sql(TABLES)]
    for statement in _statements(found, append_only(package), _quote(role)):
        await connection.exec_driver_sql(statement)


def _statements(found: list[tuple[Any, ...]], kept: set[str], role: str) -> Iterator[str]:
    for name, kind in found:
        target = f"{'SEQUENCE ' if kind == 'S' else ''}{_quote(name)}"
        yield f"REVOKE ALL ON {target} FROM {role}"
        if kind == "S":
            verbs = "USAGE"
        elif name == VERSION_TABLE:
            verbs = "SELECT"
        elif name in kept:
            verbs = "SELECT, INSERT"
        else:
            verbs = "SELECT, INSERT, UPDATE, DELETE"
        yield f"GRANT {verbs} ON {target} TO {role}"
    yield f"GRANT EXECUTE ON FUNCTION keep_partitions() TO {role}"


async def rewritable(connection: AsyncConnection, package: str) -> str | None:
    """The append-only tables that the current role could change nevertheless; none when all is as
    it should be."""
    asked = (sorted(append_only(package)),)
    found: str | None = (await connection.exec_driver_sql(REWRITABLE, asked)).scalar()
    return found
