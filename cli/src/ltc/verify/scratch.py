"""The scratch database that the rules ask: all evidence in one place, in memory, for one run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from contracts.currencies import EXPONENTS
from ltc.verify.databases import Copied

HELPERS = Path(__file__).with_name("helpers.sql")


def new_scratch(spill_to: Path) -> duckdb.DuckDBPyConnection:
    """An empty scratch database; what does not fit in memory goes to a folder."""
    scratch = duckdb.connect(config={"temp_directory": str(spill_to)})
    scratch.execute("SET autoinstall_known_extensions = false; SET TimeZone = 'UTC'")
    scratch.execute(_digits())
    return scratch


def _digits() -> str:
    """The decimals of each currency, as macros: 2 unless ISO 4217 says otherwise.

    One branch for each number of decimals. The macros are expanded wherever an amount is printed,
    and a branch for each currency made a third of the time of a check of a small installation."""
    by_digits: dict[int, list[str]] = {}
    for currency, digits in EXPONENTS.items():
        if digits != 2:
            by_digits.setdefault(digits, []).append(f"'{currency}'")
    cases = " ".join(
        f"WHEN currency IN ({', '.join(named)}) THEN {digits}"
        for digits, named in by_digits.items()
    )
    return (
        f"CREATE MACRO digits(currency) AS CASE {cases} ELSE 2 END;"
        "CREATE MACRO pow10(currency) AS (10 ** digits(currency))::BIGINT"
    )


def create(
    scratch: duckdb.DuckDBPyConnection, table: str, columns: Sequence[tuple[str, str]]
) -> None:
    declared = ", ".join(f'"{name}" {kind}' for name, kind in columns)
    scratch.execute(f"CREATE TABLE IF NOT EXISTS {table} ({declared})")


def fill(
    scratch: duckdb.DuckDBPyConnection,
    table: str,
    columns: Sequence[tuple[str, str]],
    rows: Iterable[Sequence[Any]],
) -> None:
    """Create a table if need be and append rows to it."""
    create(scratch, table, columns)
    if given := [list(row) for row in rows]:
        marks = ", ".join("?" for _ in columns)
        scratch.executemany(f"INSERT INTO {table} VALUES ({marks})", given)  # noqa: S608


def take_in(scratch: duckdb.DuckDBPyConnection, copied: Copied) -> None:
    """Append a file of copied rows to its table."""
    create(scratch, copied.table, copied.columns)
    types = ", ".join(f"'{name}': '{kind}'" for name, kind in copied.columns)
    scratch.execute(
        f"INSERT INTO {copied.table} BY NAME SELECT * FROM read_csv($file, header = false,"  # noqa: S608
        f" auto_detect = false, columns = {{{types}}}, delim = ',', quote = '\"', escape = '\"',"
        " nullstr = '', allow_quoted_nulls = false, max_line_size = 20000000)",
        {"file": str(copied.file)},
    )


def finish(scratch: duckdb.DuckDBPyConnection, *, history: bool, statement: bool) -> None:
    """Views and macros over what was taken in, and what is known of this run."""
    columns = (("started", "TIMESTAMPTZ"), ("history", "BOOLEAN"), ("statement", "BOOLEAN"))
    fill(scratch, "run", columns, [(datetime.now(UTC), history, statement)])
    scratch.execute(HELPERS.read_text(encoding="utf-8"))
