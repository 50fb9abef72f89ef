"""A package with migrations that a test adds and removes, on a database of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from testkit.servers import create_database, drop_database

ENV = "from chassis.migrate import run_migrations\n\nrun_migrations()\n"
FIRST = (
    "create_v1(op.execute)\n"
    "    op.execute('CREATE TABLE thing (id bigint PRIMARY KEY, note text)')\n"
    "    op.execute('INSERT INTO thing SELECT generate_series(1, 1000)')\n"
)


@dataclass
class Growing:
    """The package; each call of `grow` adds one revision."""

    package: str
    folder: Path
    dsn: str
    revisions: int = 0

    @property
    def url(self) -> str:
        return self.dsn.replace("postgresql://", "postgresql+asyncpg://", 1)

    def grow(self, body: str, head: str = "") -> None:
        self.revisions += 1
        below = f'"{self.revisions - 1:04}"' if self.revisions > 1 else "None"
        (self.folder / "versions" / f"{self.revisions:04}_grow.py").write_text(
            "from alembic import op\n"
            "from chassis.migrate import create_index\n"
            "from chassis.schema import create_v1\n"
            f'revision = "{self.revisions:04}"\ndown_revision = {below}\n{head}\n\n'
            f"def upgrade() -> None:\n    {body}\n",
            encoding="utf-8",
        )

    def shrink(self) -> None:
        """Remove the last migration, as in the code of the version before."""
        (self.folder / "versions" / f"{self.revisions:04}_grow.py").unlink()
        self.revisions -= 1


@contextmanager
def growing(folder: Path) -> Iterator[Growing]:
    name = f"t_grow_{uuid4().hex[:8]}"
    versions = folder / name / "migrations" / "versions"
    versions.mkdir(parents=True)
    (folder / name / "__init__.py").touch()
    (versions.parent / "env.py").write_text(ENV, encoding="utf-8")
    (versions.parent / "script.py.mako").touch()
    sys.path.insert(0, str(folder))
    made = Growing(name, versions.parent, create_database(name))
    made.grow(FIRST)
    try:
        yield made
    finally:
        sys.path.remove(str(folder))
        drop_database(name)
