"""Reading a table from a file whatever wrote it: CSV in any usual encoding, or XLSX."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from charset_normalizer import from_bytes
from python_calamine import CalamineError, CalamineWorkbook


class UnreadableFile(Exception):
    """The file is no table that we can read; the message says why."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """Column names and rows; a row of the wrong width is kept, to be refused by name."""

    columns: list[str]
    rows: list[list[str]]


def read_table(path: Path) -> TableFile:
    """The first sheet or the whole CSV. Raises UnreadableFile."""
    try:
        body = path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror}") from error
    lines = _xlsx(path) if body[:4] == b"PK\x03\x04" else _csv(body, path)
    if not lines:
        raise UnreadableFile(f"{path} is empty")
    return TableFile([name.strip() for name in lines[0]], lines[1:])


def _csv(body: bytes, path: Path) -> list[list[str]]:
    text = _text(body, path)
    sample = text[:4096]
    try:
        dialect: type[csv.Dialect] = csv.Sniffer().sniff(sample.split("\n")[0], ",;\t|")
        delimiter = dialect.delimiter
    except csv.Error:
        delimiter = ","
    try:
        reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
        return [row for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise UnreadableFile(f"{path} is no well-formed CSV: {error}") from error


def _text(body: bytes, path: Path) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    best = from_bytes(body).best()
    if best is None:
        raise UnreadableFile(f"the encoding of {path} is not recognised; save it as UTF-8")
    return str(best)


def _xlsx(path: Path) -> list[list[str]]:
    try:
        book = CalamineWorkbook.from_path(path)
        rows = book.get_sheet_by_index(0).to_python(skip_empty_area=True)
    except CalamineError as error:
        raise UnreadableFile(f"{path} is no readable workbook: {error}") from error
    return [[_cell(cell) for cell in row] for row in rows if any(c != "" for c in row)]


def _cell(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
