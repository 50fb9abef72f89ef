"""``python -m chassis.migration_lint PACKAGE …``: refuse migrations that stop the line.

A migration runs beside the version before it, so it may neither lock a table that is in use nor
take away what that version needs. squawk judges the SQL that Alembic would send; a migration that
must break a rule says so, with the reason, and a contracting one also which code is left behind::

    exceptions = {"ban-drop-column": "version 1.4, the last to read it, is gone since May"}
    oldest_user = "0007"
"""

from __future__ import annotations

import importlib.util
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations

from chassis import revisions

POSTGRES = "18.0"
TASTE = (
    "prefer-bigint-over-int", "prefer-bigint-over-smallint", "prefer-identity",
    "prefer-robust-stmts", "prefer-text-field", "prefer-timestamp-tz", "ban-char-field",
    "require-lock-timeout", "require-statement-timeout", "require-timeout-settings",
    "transaction-nesting",
)  # fmt: skip
"""What squawk also has opinions on. Timeouts and transactions are `chassis.migrate`'s business."""
CONTRACTS = {
    "ban-drop-column", "ban-drop-table", "renaming-column", "renaming-table",
    "changing-column-type",
}  # fmt: skip
"""These leave older code behind: the migration must say which."""


@dataclass(frozen=True)
class Finding:
    """Why a migration is refused."""

    place: str
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.rule}: {self.text}"


def lint(package: str) -> list[Finding]:
    """All migrations of a service."""
    files = sorted((revisions.folder(package) / "versions").glob("*.py"))
    return [finding for file in files for finding in lint_file(file)]


def lint_file(file: Path) -> list[Finding]:
    """One migration: what squawk says of its SQL, less its exceptions, and what is odd in those."""
    module = _load(file)
    place = f"{file.parents[2].name} {file.name}"
    found = dict.fromkeys(_squawk(sql_of(module), place))
    exceptions: Mapping[str, str] = getattr(module, "exceptions", {})
    return [
        *(finding for finding in found if finding.rule not in exceptions),
        *_oddities(place, file, module, exceptions, {finding.rule for finding in found}),
    ]


def _oddities(
    place: str, file: Path, module: ModuleType, exceptions: Mapping[str, str], broken: set[str]
) -> Iterator[Finding]:
    if not file.name.startswith(f"{module.revision}_"):
        yield Finding(place, "file-name", f"the file of revision {module.revision} begins with it")
    for rule, reason in exceptions.items():
        if rule not in broken:
            yield Finding(place, "needless-exception", f"{rule} is not broken here")
        elif len(reason.split()) < 4:
            yield Finding(place, "exception-without-reason", f"why may {rule} be broken?")
    contracting = broken & CONTRACTS & set(exceptions)
    if contracting and not hasattr(module, "oldest_user"):
        yield Finding(
            place,
            "contract-without-oldest-user",
            f"{', '.join(sorted(contracting))}: name the oldest revision of the code that can"
            " use the result, as oldest_user",
        )


def sql_of(module: ModuleType) -> str:
    """What Alembic would send, in its transaction."""
    buffer = io.StringIO()
    options: dict[str, Any] = {"as_sql": True, "output_buffer": buffer}
    with Operations.context(MigrationContext.configure(dialect_name="postgresql", opts=options)):
        module.upgrade()
    return f"BEGIN;\n{buffer.getvalue()}\nCOMMIT;\n"


def _load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"migration_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _squawk(sql: str, place: str) -> list[Finding]:
    program = shutil.which("squawk", path=str(Path(sys.executable).parent)) or "squawk"
    command = [
        program, "--reporter", "json", "--pg-version", POSTGRES,
        "--exclude", ",".join(TASTE), "--stdin-filepath", f"{place}.sql",
    ]  # fmt: skip
    told = subprocess.run(command, input=sql, capture_output=True, text=True, check=False)  # noqa: S603
    if told.returncode not in (0, 1) or not told.stdout.strip():
        raise RuntimeError(f"squawk did not judge {place}: {told.stderr.strip()}")
    return [
        Finding(place, found["rule_name"], found["message"]) for found in json.loads(told.stdout)
    ]


def main(packages: Sequence[str]) -> int:
    findings = [finding for package in packages for finding in lint(package)]
    for finding in findings:
        sys.stderr.write(f"{finding}\n")
    return 1 if findings else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
