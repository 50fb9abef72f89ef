"""Reading a table from a file whatever wrote it: CSV in any usual encoding, or a workbook."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from chassis import encodings
from chassis.encodings import Reading

WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
WORKBOOK_S = 60
DELIMITERS = ",;\t|"
_SEP = re.compile(r'"?sep=(.)"?(?:\r\n|\n|\r)', re.IGNORECASE)
"""The first line by which Excel learns the delimiter."""


class UnreadableFile(Exception):
    """The file is no table that we can read; the message says why."""


class EncodingUnclear(UnreadableFile):
    """A person must state the encoding; each reading shows the beginning of the file."""

    def __init__(self, message: str, readings: tuple[Reading, ...]) -> None:
        super().__init__(message)
        self.readings = readings


@dataclass(frozen=True, slots=True)
class TableFile:
    """Column names, and rows with their numbers: the line on which a row of a CSV begins, or the
    row of a sheet. A row of the wrong width is kept, to be refused by name; a blank one is not a
    row."""

    columns: list[str]
    rows: list[tuple[int, list[str]]]
    defects: tuple[tuple[int, str], ...] = ()
    """Rows that cannot be split into cells, and why."""
    notes: tuple[str, ...] = ()
    """What was decided about the file: its encoding, its sheet."""


@dataclass(slots=True)
class _Lines:
    """The rows of a file before the first one is taken for the heading."""

    notes: list[str]
    most: int | None = None
    """Of rows that are kept; the others are only counted."""
    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    defects: list[tuple[int, str]] = field(default_factory=list)
    count: int = -1
    """Without the heading."""

    def add(self, number: int, record: list[str] | str) -> None:
        """Keep a row, or why it is none; a blank one is not a row."""
        if not isinstance(record, str) and not any(cell.strip() for cell in record):
            return
        self.count += 1
        if self.most is not None and self.count > self.most:
            return
        if isinstance(record, str):
            self.defects.append((number, record))
        else:
            self.rows.append((number, record))


def read_table(
    body: bytes,
    name: str,
    *,
    encoding: str | None = None,
    sheet: str | None = None,
    expect: Collection[str] = (),
    most: int | None = None,
) -> TableFile:
    """The first visible sheet of a workbook, or the one that is named, or the whole CSV; with more
    than ``most`` rows it is refused.

    ``expect`` has the names of columns that the file must have, where they are known: they help to
    recognise an encoding. Raises UnreadableFile naming the file, EncodingUnclear with readings.
    """
    if body.startswith(WORKBOOKS):
        found = _workbook(body, name, sheet, most)
    else:
        if sheet is not None:
            raise UnreadableFile(f"{name} is no workbook, so that it has no sheet {sheet[:60]!r}")
        found = _csv(body, name, encoding, expect, most)
    if most is not None and found.count > most:
        raise UnreadableFile(f"{name} has {found.count} rows; {most} are taken at once")
    if not found.rows:
        raise UnreadableFile(f"{name} is empty")
    heading_at, heading = found.rows[0]
    if found.defects and found.defects[0][0] < heading_at:
        line, why = found.defects[0]
        raise UnreadableFile(f"{name} is no well-formed CSV: line {line}: {why}")
    columns = [cell.strip().replace("\0", "\ufffd") for cell in _trimmed(heading, 0)]
    rows = [(n, _trimmed(row, len(columns))) for n, row in found.rows[1:]]
    return TableFile(columns, rows, tuple(found.defects), tuple(found.notes))


def _trimmed(row: list[str], width: int) -> list[str]:
    """Without the blank cells that some programs write after the last column."""
    while len(row) > width and not row[-1].strip():
        row = row[:-1]
    return row


def _csv(
    body: bytes, name: str, encoding: str | None, expect: Collection[str], most: int | None
) -> _Lines:
    try:
        decoded = encodings.decode(body, stated=encoding, expect=expect)
    except encodings.EncodingUnclear as unclear:
        raise EncodingUnclear(f"{name} {unclear}", unclear.readings) from unclear
    except encodings.UnreadableText as error:
        raise UnreadableFile(f"{name} {error}") from error
    text, start, delimiter = decoded.text, 1, None
    if sep := _SEP.match(text):
        text, start, delimiter = text[sep.end() :], 2, sep[1]
    if delimiter is None:
        delimiter = max(DELIMITERS, key=lambda mark: len(_first_record(text, mark)))
    lines = _Lines([f"read as {decoded.encoding}", *filter(None, [decoded.note])], most)
    for number, record in _records(text, delimiter, start, name):
        lines.add(number, record)
    return lines


def _first_record(text: str, delimiter: str) -> list[str]:
    try:
        records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        return next((record for record in records if any(cell.strip() for cell in record)), [])
    except csv.Error:
        return []


def _records(
    text: str, delimiter: str, start: int, name: str
) -> Iterator[tuple[int, list[str] | str]]:
    """Each record with the line on which it begins, as an editor counts; or why there is none.

    A bad quotation mark spoils its row alone when the line has an even number of them. Otherwise a
    cell is open, and nobody knows which of the following lines are rows: the file is refused.
    """
    line = ""

    def lines() -> Iterator[str]:
        nonlocal line
        for line in io.StringIO(text, newline=""):  # noqa: UP028
            yield line

    reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    while True:
        begun = reader.line_num
        try:
            record: list[str] | str = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            record = f"has a quotation mark that does not enclose a cell ({error})"
            if "field larger" in str(error):
                record = f"has a cell of more than {csv.field_size_limit()} characters"
            if reader.line_num != begun + 1 or line.count('"') % 2:
                raise UnreadableFile(
                    f"{name} is no well-formed CSV: line {begun + start}: a quotation mark opens a"
                    f" cell that no other one closes ({error})"
                ) from error
        yield begun + start, record


def _workbook(body: bytes, name: str, sheet: str | None, most: int | None) -> _Lines:
    """Read in a process of its own with bounded memory and time: a small workbook can claim to be
    enormous, and what reads it would take this process down with it."""
    command = [sys.executable, "-I", "-m", "chassis.workbook", *([sheet] if sheet else [])]
    try:
        done = subprocess.run(  # noqa: S603
            command, input=body, capture_output=True, timeout=WORKBOOK_S, check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired, ValueError) as error:
        told = (getattr(error, "stderr", b"") or b"").decode(errors="replace").strip().splitlines()
        ended_itself = isinstance(error, subprocess.CalledProcessError) and error.returncode == 1
        why = told[-1][:400] if told and ended_itself else ""
        raise UnreadableFile(
            f"{name} is no readable workbook, or a far too large one: {why}".rstrip(": ")
        ) from error
    answer = json.loads(done.stdout)
    if answer["missing"]:
        sheets = ", ".join(answer["sheets"])
        raise UnreadableFile(f"{name} has no sheet {sheet!r}; its sheets are {sheets}")
    others = ", ".join(other for other in answer["sheets"] if other != answer["sheet"])
    note = f"the sheet {answer['sheet']} is read" + (f", not {others}" if others else "")
    lines = _Lines([note], most)
    for number, row in enumerate(answer["rows"], 1):
        lines.add(number, row)
    return lines
