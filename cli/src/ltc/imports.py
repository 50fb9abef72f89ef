"""``ltc import``: a file, a mapping, and an answer for every row.

Rows go through the batch door in parts, so that a file of any length is many small transactions
with its progress shown; the upload door of lead-svc takes one file of bounded size as a whole. Both
read and map with the chassis.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from chassis.imports import Report
from chassis.mapping import Mapping
from chassis.table_file import EncodingUnclear, UnreadableFile
from ltc.people import Person
from ltc.settings import Settings

BATCH = 400


def import_file(
    file: Path,
    map_file: Path,
    *,
    kind: str,
    door: Person,
    dry_run: bool = False,
    encoding: str | None = None,
    sheet: str | None = None,
    progress: Callable[[Report], None] = lambda _: None,
) -> Report:
    """Take a file in through the public API of lead-svc or deal-svc.

    Raises UnreadableFile for a file that is no table, RuntimeError for what the service refuses as
    a whole, httpx.TransportError when it stays away.
    """
    mapping = Mapping.read(_bytes(map_file), f"the mapping {map_file}")
    table = mapping.table(_bytes(file), str(file), encoding=encoding, sheet=sheet)
    report = Report()
    pairs = report.forms(table, mapping)
    path = f"/{kind}/batch" + ("?dry_run=true" if dry_run else "")
    seen: dict[str, int] = {}
    for start in range(0, len(pairs), BATCH):
        part = pairs[start : start + BATCH]
        answer = door.post(kind[:-1], path, {kind: [form for _, form in part]})
        numbers = [number for number, _ in part]
        if dry_run:
            _see_repeats(numbers, answer["results"], seen)
        report.count(numbers, answer["results"], mapping)
        progress(report)
    return report


def _see_repeats(
    numbers: Sequence[int], results: Sequence[dict[str, Any]], seen: dict[str, int]
) -> None:
    """A dry run keeps nothing, so that the service cannot know the rows of earlier parts; we do."""
    for number, result in zip(numbers, results, strict=True):
        keys = result["keys"]
        earlier = next((seen[key] for key in keys if key in seen), None)
        if earlier is None:
            seen |= dict.fromkeys(keys, number)
        else:
            result |= {"outcome": "duplicate", "number": "", "of_row": earlier}


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror}") from error


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _show_progress(report: Report) -> None:
    done = report.accepted + report.duplicates + report.refused
    typer.echo(f"\r{done} of {report.rows} rows", nl=done == report.rows, err=True)


def _print(report: Report) -> None:
    print(
        f"rows {report.rows} = accepted {report.accepted} + duplicates {report.duplicates}"
        f" + refused {report.refused}"
    )
    for note in report.notes:
        print(f"  {note}")
    for error in report.errors[:20]:
        print(f"  row {error.row}, {error.column or 'the row'}: {error.reason}")
    for row in report.repeated[:20]:
        within = f" (row {row.of_row})" if row.of_row else ""
        print(f"  row {row.row} repeats {row.of or 'an earlier row'}{within}")


def _explain(error: UnreadableFile) -> None:
    """Say why a file is not read; an unclear encoding with the file's beginning in each reading."""
    typer.echo(str(error), err=True)
    if isinstance(error, EncodingUnclear):
        for reading in error.readings:
            typer.echo(f"--encoding {reading.encoding}", err=True)
            for line in reading.sample:
                typer.echo(f"    {line}", err=True)


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
        encoding: Annotated[
            str | None, typer.Option("--encoding", help="of the CSV, when it is not certain")
        ] = None,
        sheet: Annotated[
            str | None, typer.Option("--sheet", help="of the workbook; else the first visible one")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
    ) -> None:
        """Take in a file of leads or deals; every row is accepted, a duplicate, or refused."""
        if kind not in ("leads", "deals"):
            raise typer.BadParameter("import leads or deals")
        door = Person(Settings.from_env(), "import", "Import", "integration_import")
        try:
            report = import_file(
                file,
                mapping,
                kind=kind,
                door=door,
                dry_run=dry_run,
                encoding=encoding,
                sheet=sheet,
                progress=_show_progress,
            )
        except UnreadableFile as error:
            _explain(error)
            raise typer.Exit(2) from error
        except (RuntimeError, httpx.HTTPError) as error:
            typer.echo(f"{kind[:-1]}-svc did not take it: {error}", err=True)
            raise typer.Exit(5) from error
        if as_json:
            print(report.model_dump_json())
            return
        _print(report)
