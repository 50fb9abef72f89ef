"""Reading a table from a file whatever wrote it: CSV in any usual encoding, or a workbook."""

from __future__ import annotations

import codecs
import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from charset_normalizer import from_bytes

WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
WORKBOOK_S = 60
SAMPLE = 256 * 1024
ELSEWHERE = ("cp1252", "cp1251", "big5", "shift_jis", "euc_kr")
"""What is written where it is neither UTF nor the Chinese mainland's."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class UnreadableFile(Exception):
    """The file is no table that we can read; the message says why."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """Column names, and rows with the numbers that a spreadsheet shows beside them. A row of the
    wrong width is kept, to be refused by name; a blank one is not a row."""

    columns: list[str]
    rows: list[tuple[int, list[str]]]


def read_table(body: bytes, name: str, *, encoding: str | None = None) -> TableFile:
    """The first sheet of a workbook or the whole CSV. Raises UnreadableFile naming the file."""
    lines = _workbook(body, name) if body.startswith(WORKBOOKS) else _csv(body, name, encoding)
    filled = [(n, row) for n, row in enumerate(lines, 1) if any(cell.strip() for cell in row)]
    if not filled:
        raise UnreadableFile(f"{name} is empty")
    columns = [cell.strip() for cell in filled[0][1]]
    return TableFile(columns, [(n, _trimmed(row, len(columns))) for n, row in filled[1:]])


def _trimmed(row: list[str], width: int) -> list[str]:
    """Without the blank cells that some programs write after the last column."""
    while len(row) > width and not row[-1].strip():
        row = row[:-1]
    return row


def _csv(body: bytes, name: str, encoding: str | None) -> Iterator[list[str]]:
    text = _text(body, name, encoding)
    try:
        delimiter = max(",;\t|", key=lambda mark: len(_first_record(text, mark)))
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    except csv.Error as error:
        raise UnreadableFile(f"{name} is no well-formed CSV: {error}") from error


def _first_record(text: str, delimiter: str) -> list[str]:
    records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return next((record for record in records if any(cell.strip() for cell in record)), [])


def _text(body: bytes, name: str, encoding: str | None) -> str:
    try:
        return body.decode(encoding or _encoding(body) or "ascii")
    except (UnicodeDecodeError, LookupError) as error:
        how = f"is not written in {encoding[:40]}" if encoding else "has an unknown encoding"
        raise UnreadableFile(f"{name} {how}; save it as UTF-8") from error


def _encoding(body: bytes) -> str | None:
    """By its mark, else by what it reads like in its language; none when like nothing."""
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return encoding
    if b"\0" in body[:4096]:
        return "utf-16-le" if body[1:4096:2].count(0) >= body[:4096:2].count(0) else "utf-16-be"
    for encoding in ("utf-8", "gb18030"):
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or _is_chinese(text):
            return encoding
    best = from_bytes(body[:SAMPLE], cp_isolation=[*ELSEWHERE]).best()
    return best.encoding if best else None


def _is_chinese(text: str) -> bool:
    """Whether most of what is beyond ASCII is everyday Chinese. Western texts can be read as
    GB18030 too, but make rare characters of it."""
    beyond = [character for character in text if character > "\x7f"]
    everyday = sum(len(c.encode("gb2312", errors="ignore")) == 2 for c in beyond)
    return everyday * 2 > len(beyond)


def _workbook(body: bytes, name: str) -> list[list[str]]:
    """Read in a process of its own with bounded memory and time: a small workbook can claim to be
    enormous, and what reads it would take this process down with it."""
    command = [sys.executable, "-I", "-m", "chassis.workbook"]
    try:
        done = subprocess.run(  # noqa: S603
            command, input=body, capture_output=True, timeout=WORKBOOK_S, check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        told = (error.stderr or b"").decode(errors="replace").strip().splitlines()
        ended_itself = isinstance(error, subprocess.CalledProcessError) and error.returncode == 1
        why = told[-1][:200] if told and ended_itself else ""
        raise UnreadableFile(
            f"{name} is no readable workbook, or a far too large one: {why}".rstrip(": ")
        ) from error
    rows: list[list[str]] = json.loads(done.stdout)
    return rows
