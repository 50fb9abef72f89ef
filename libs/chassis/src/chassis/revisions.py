"""Which revisions of its schema a version of the code knows, and whether a database fits it.

A database that is behind the code cannot be used. One that is ahead can, as long as only expanding
migrations were applied; a contracting one names the oldest revision of the code that can still use
the result (``oldest_user = "0004"`` in the migration), and `chassis.migrate` leaves that word in
the database, as the comment of Alembic's table, where versions that never saw the migration read
it.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chassis.exits import DatabaseUnfit

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

VERSION_TABLE = "alembic_version"
NOTE = "oldest user "
NOTED = """
SELECT to_regclass('alembic_version') IS NOT NULL AS there,
       coalesce(obj_description(to_regclass('alembic_version')::oid, 'pg_class'), '') AS noted
"""


@dataclass(frozen=True, slots=True)
class At:
    """Where a database is: its revision, none before the first, and the oldest code it allows."""

    revision: str | None
    oldest_user: str | None


def folder(package: str) -> Path:
    """The migrations of a service, found without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"no package {package}")
    return Path(spec.submodule_search_locations[0]) / "migrations"


def of_package(package: str) -> list[str]:
    """The revisions that this version of the code knows, in order: the numbers of their files."""
    files = sorted((folder(package) / "versions").glob("[0-9]*_*.py"))
    return [file.name.partition("_")[0] for file in files]


async def of_database(connection: AsyncConnection) -> At:
    """What a database says of itself."""
    row = (await connection.exec_driver_sql(NOTED)).mappings().one()
    there, noted = row["there"], row["noted"]
    oldest = noted.removeprefix(NOTE) if noted.startswith(NOTE) else None
    if not there:
        return At(None, oldest)
    found = await connection.exec_driver_sql("SELECT version_num FROM alembic_version")
    return At(found.scalar(), oldest)


def oldest_user(package: str, *, upto: str | None) -> str | None:
    """The latest word of the applied migrations on which code can use the result."""
    oldest: str | None = None
    for file in sorted((folder(package) / "versions").glob("[0-9]*_*.py")):
        if upto is None or file.name.partition("_")[0] > upto:
            break
        oldest = _word(file) or oldest
    return oldest


def _word(file: Path) -> str | None:
    """What a migration assigns to ``oldest_user``, read without running it."""
    for statement in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "oldest_user":
            return str(ast.literal_eval(statement.value))
    return None


def note(oldest: str | None) -> str:
    """The statement that leaves the word in the database."""
    if oldest is not None and not re.fullmatch(r"\w+", oldest):
        raise ValueError(f"no revision: {oldest}")
    comment = f"'{NOTE}{oldest}'" if oldest else "NULL"
    return f"COMMENT ON TABLE alembic_version IS {comment}"


def require_fit(package: str, known: Sequence[str], at: At) -> None:
    """Raises DatabaseUnfit, saying what to do, unless this version can use the database."""
    name = package.replace("_", "-")
    if at.revision is None:
        raise DatabaseUnfit(
            f"the database of LTC_DATABASE_URL is empty: run `{name} migrate` first"
        )
    if at.revision in known:
        if at.revision != known[-1]:
            raise DatabaseUnfit(
                f"the database is at revision {at.revision} and this version needs {known[-1]}:"
                f" run `{name} migrate` of this version first"
            )
    elif at.oldest_user is not None and at.oldest_user not in known:
        raise DatabaseUnfit(
            f"the database is at revision {at.revision}, which only versions from revision"
            f" {at.oldest_user} on can use, and this one ends at {known[-1]}:"
            " deploy such a version instead of this one"
        )
