"""``ltc import``: a file of leads or deals, a mapping, and an answer for every row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import httpx
import typer
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from ltc.people import Person
from ltc.settings import Settings
from ltc.table_file import TableFile, UnreadableFile, read_table

BATCH = 400


class Mapping(BaseModel):
    """Which column becomes which field, and how its values are written."""

    model_config = ConfigDict(extra="forbid")

    columns: dict[str, str]
    """Column name → field, as a path: ``contact.email``."""
    values: dict[str, dict[str, str]] = {}
    """Field → what its words in the file mean."""
    constants: dict[str, str] = {}
    copy_from: dict[str, str] = {}
    """Field → another field whose value it shares; in the file ``copy``."""
    dates: dict[str, str] = {}
    """Field → how its dates are written, as ``strptime`` reads them."""
    timezone: str = "UTC"

    @classmethod
    def read(cls, path: Path) -> Mapping:
        """From YAML or JSON. Raises UnreadableFile."""
        try:
            found = yaml.safe_load(path.read_text(encoding="utf-8"))
            if isinstance(found, dict) and "copy" in found:
                found["copy_from"] = found.pop("copy")
            return cls.model_validate(found)
        except (OSError, yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
            raise UnreadableFile(f"the mapping {path} cannot be used: {error}") from error

    def form(self, columns: list[str], row: list[str]) -> dict[str, Any]:
        """A row as the API's form. Raises ValueError naming the column."""
        if len(row) != len(columns):
            raise ValueError(f"has {len(row)} columns instead of {len(columns)}")
        flat = dict(self._cells(columns, row))
        for target, source in self.copy_from.items():
            if source in flat:
                flat[target] = flat[source]
        for target, text in self.constants.items():
            parent = target.rpartition(".")[0]
            if not parent or any(name.startswith(f"{parent}.") for name in flat):
                flat[target] = text
        return _nested(flat)

    def _cells(self, columns: list[str], row: list[str]) -> Iterator[tuple[str, str]]:
        """The cells that are mapped and not empty, each in the API's words."""
        for column, cell in zip(columns, row, strict=True):
            target = self.columns.get(column)
            text = cell.strip()
            if target is None or not text:
                continue
            if target in self.values:
                if text not in self.values[target]:
                    raise ValueError(f"{column}: {text!r} is not in the mapping's values")
                text = self.values[target][text]
            if target in self.dates:
                text = self._date(column, text, self.dates[target])
            yield target, text

    def _date(self, column: str, text: str, pattern: str) -> str:
        try:
            moment = datetime.strptime(text[:19], pattern)  # noqa: DTZ007 - the zone comes next
        except ValueError:
            try:
                moment = datetime.fromisoformat(text)
            except ValueError as error:
                raise ValueError(f"{column}: {text!r} is no date like {pattern}") from error
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(self.timezone))
        return moment.astimezone(UTC).isoformat()


def _nested(flat: dict[str, str]) -> dict[str, Any]:
    form: dict[str, Any] = {}
    for path, text in flat.items():
        *parents, leaf = path.split(".")
        place = form
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = text
    return form


@dataclass(slots=True)
class Report:
    """``rows = accepted + duplicates + refused``, always."""

    rows: int = 0
    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    """Row (as people count: the header is row 1) and why, of each refused one."""
    repeated: list[dict[str, Any]] = field(default_factory=list)
    """Row and what it repeats, of each duplicate."""

    def refuse(self, row: int, why: str) -> None:
        self.refused += 1
        self.errors.append({"row": row, "error": why})

    def as_dict(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "refused": self.refused,
            "errors": self.errors,
            "repeated": self.repeated,
        }


def forms_of(
    table: TableFile, mapping: Mapping, report: Report
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The readable rows as forms with their row numbers; the others go into the report."""
    missing = [column for column in mapping.columns if column not in table.columns]
    if missing:
        raise UnreadableFile(f"the file has no column {', '.join(missing)}")
    for number, row in enumerate(table.rows, start=2):
        report.rows += 1
        try:
            yield number, mapping.form(table.columns, row)
        except ValueError as error:
            report.refuse(number, str(error))


def import_file(
    file: Path, map_file: Path, *, kind: str, door: Person, dry_run: bool = False
) -> Report:
    """Take a file in through the public API of lead-svc or deal-svc.

    Raises UnreadableFile for a file that is no table, RuntimeError for what the service refuses as
    a whole, httpx.TransportError when it stays away.
    """
    report = Report()
    table, mapping = read_table(file), Mapping.read(map_file)
    pairs = list(forms_of(table, mapping, report))
    path = f"/{kind}/batch" + ("?dry_run=true" if dry_run else "")
    for start in range(0, len(pairs), BATCH):
        part = pairs[start : start + BATCH]
        _count(report, part, door.post(kind[:-1], path, {kind: [form for _, form in part]}))
    return report


def _count(report: Report, part: list[tuple[int, dict[str, Any]]], answer: dict[str, Any]) -> None:
    report.accepted += answer["accepted"]
    report.duplicates += answer["duplicates"]
    for (number, _), result in zip(part, answer["results"], strict=True):
        if result["outcome"] == "refused":
            reasons = (f"{e['pointer']}: {e['detail']}" for e in result["errors"])
            report.refuse(number, "; ".join(reasons))
        elif result["outcome"] == "duplicate":
            report.repeated.append({"row": number, "of": result.get("number")})


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def register(app: typer.Typer) -> None:
    """Add ``ltc import``."""

    @app.command("import")
    def import_(
        kind: Annotated[str, typer.Argument(help="leads or deals")],
        file: Annotated[Path, typer.Argument(help="CSV or XLSX")],
        mapping: Annotated[Path, typer.Option("--map", help="which column is which field")],
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="say what would happen, change nothing")
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
    ) -> None:
        """Take in a file of leads or deals; every row is accepted, a duplicate, or refused."""
        if kind not in ("leads", "deals"):
            raise typer.BadParameter("import leads or deals")
        door = Person(Settings.from_env(), "import", "Import", "integration_import")
        try:
            report = import_file(file, mapping, kind=kind, door=door, dry_run=dry_run)
        except UnreadableFile as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(2) from error
        except (RuntimeError, httpx.HTTPError) as error:
            typer.echo(f"{kind[:-1]}-svc did not take it: {error}", err=True)
            raise typer.Exit(5) from error
        if as_json:
            print(json.dumps(report.as_dict(), ensure_ascii=False))
            return
        print(
            f"rows {report.rows} = accepted {report.accepted} + duplicates {report.duplicates}"
            f" + refused {report.refused}"
        )
        for row in report.errors[:20]:
            print(f"  row {row['row']}: {row['error']}")
