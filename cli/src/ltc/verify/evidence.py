"""What others have noted: the load generator's history and the bank's own statement.

History, NDJSON: ``op``, ``key``, ``status`` (ok, refused, unknown), and where known
``journey_id`` and ``external_id`` (the origin's external id; the key when it is missing; a row of
a bulk request is ``key#row``). The last word on a key counts.

Statement, NDJSON or CSV with a header: ``reference``, ``amount`` (a decimal string), ``currency``,
``direction`` (``in`` or ``out``, ``in`` when missing), ``at``, and ``source`` (``bank`` when
missing: whose statement it is). What goes back names in ``returns`` the reference that brought it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from contracts.money import Money
from ltc.verify.sources import CannotCheck

HISTORY = (
    ("op", "VARCHAR"),
    ("key", "VARCHAR"),
    ("external_id", "VARCHAR"),
    ("status", "VARCHAR"),
    ("journey_id", "UUID"),
)
STATEMENT = (
    ("source", "VARCHAR"),
    ("reference", "VARCHAR"),
    ("currency", "VARCHAR"),
    ("minor", "BIGINT"),
    ("direction", "VARCHAR"),
    ("at", "TIMESTAMPTZ"),
)

Row = tuple[Any, ...]


def read_history(path: Path) -> list[Row]:
    """Every answer noted so far; a last line that is still being written is left out. Raises
    CannotCheck naming the line."""
    return _read(path, _json_lines, _operation)


def read_statement(path: Path) -> list[Row]:
    """Every line of the statement. Raises CannotCheck naming the line."""
    return _read(path, _csv_lines if path.suffix == ".csv" else _json_lines, _movement)


def _read(
    path: Path,
    lines: Callable[[str], list[Mapping[str, Any]]],
    parse: Callable[[Mapping[str, Any]], Row],
) -> list[Row]:
    try:
        found = lines(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CannotCheck(f"{path} cannot be read: {error}") from error
    rows: list[Row] = []
    for number, line in enumerate(found, start=1):
        try:
            rows.append(parse(line))
        except (KeyError, ValueError, TypeError) as error:
            raise CannotCheck(f"{path}, entry {number}: {error!r}") from error
    return rows


def _json_lines(text: str) -> list[Mapping[str, Any]]:
    whole = text if text.endswith("\n") else text.rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines() if line.strip()]


def _csv_lines(text: str) -> list[Mapping[str, Any]]:
    return list(csv.DictReader(text.splitlines()))


def _operation(line: Mapping[str, Any]) -> Row:
    status = line["status"]
    if status not in ("ok", "refused", "unknown"):
        raise ValueError(f"status {status!r} is none of ok, refused, unknown")
    external_id = line.get("external_id") or line["key"]
    return (line["op"], line["key"], external_id, status, line.get("journey_id") or None)


def _movement(line: Mapping[str, Any]) -> Row:
    direction = line.get("direction") or "in"
    if direction not in ("in", "out"):
        raise ValueError(f"direction {direction!r} is neither in nor out")
    money = Money.parse(line["amount"], line["currency"])
    source = line.get("source") or "bank"
    at = datetime.fromisoformat(line["at"])
    reference = (direction == "out" and line.get("returns")) or line["reference"]
    return (source, reference, money.currency, money.minor, direction, at)
