"""Imports: rows become request bodies by a mapping, and the report counts each row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.imports import Report
from chassis.mapping import Mapping
from chassis.table_file import TableFile, UnreadableFile

COLUMNS = ["Name", "Mail", "Came by", "Day", "Ignored"]
MAPPING = b"""
columns: {Name: contact.name, Mail: contact.email, Came by: origin.channel, Day: captured_at}
values:
  origin.channel: {web: website, no: none}
constants: {origin.medium: file, source: import}
copy: {title: contact.name}
dates: {captured_at: "%d.%m.%Y"}
timezone: Asia/Shanghai
"""


def the_form(*row: str) -> dict[str, Any]:
    return Mapping.read(MAPPING).form(COLUMNS, row)


def test_import_maps_a_row_to_the_request_body() -> None:
    assert the_form(" Ada ", "ada@x.test", "web", "03.01.2026", "?") == {
        "contact": {"name": "Ada", "email": "ada@x.test"},
        "origin": {"channel": "website", "medium": "file"},
        "captured_at": "2026-01-02T16:00:00+00:00",
        "source": "import",
        "title": "Ada",
    }


def test_import_omits_empty_cells_and_keeps_yaml_words_as_text() -> None:
    assert the_form("", "", "no", "", "") == {
        "origin": {"channel": "none", "medium": "file"},
        "source": "import",
    }


@pytest.mark.parametrize("text", ["2026-01-03", "2026-01-03T00:00:00", "2026-01-02T16:00:00Z"])
def test_import_reads_iso_dates_with_any_date_pattern(text: str) -> None:
    assert the_form("", "", "", text, "")["captured_at"] == "2026-01-02T16:00:00+00:00"


DAY = b"columns: {Day: captured_at, Name: name}\ntimezone: Asia/Shanghai\n"
SERIAL = DAY + b"dates: {captured_at: serial}\n"
PATTERN = DAY + b"dates: {captured_at: '%Y-%m-%d'}\n"


@pytest.mark.parametrize(
    ("mapping", "text", "read"),
    [
        (DAY, "2026-11-27", "2026-11-26T16:00:00+00:00"),
        (DAY, "20261127", "2026-11-26T16:00:00+00:00"),
        (DAY, "2026-11-27 10:30", "2026-11-27T02:30:00+00:00"),
        (DAY, "2026-11-27T10:30:00Z", "2026-11-27T10:30:00+00:00"),
        (PATTERN, "20261127", "2026-11-26T16:00:00+00:00"),
        (DAY + b"dates: {captured_at: '%d%m%Y'}", "27112026", "2026-11-26T16:00:00+00:00"),
        (
            DAY + b"dates: {captured_at: '%d.%m.%y %z'}",
            "27.11.26 +0000",
            "2026-11-27T00:00:00+00:00",
        ),
        (SERIAL, "46353", "2026-11-26T16:00:00+00:00"),
        (SERIAL, "46353.4375", "2026-11-27T02:30:00+00:00"),
        (SERIAL, "2026-11-27", "2026-11-26T16:00:00+00:00"),
        (DAY + b"dates: {captured_at: serial-1904}", "44891", "2026-11-26T16:00:00+00:00"),
        (b"columns: {Day: captured_at, Name: name}", "2026-11-27", "2026-11-27T00:00:00+00:00"),
    ],
)
def test_import_reads_an_instant_in_the_zone_of_the_mapping(
    mapping: bytes, text: str, read: str
) -> None:
    assert Mapping.read(mapping).form(["Day", "Name"], [text, "20261127"]) == {
        "captured_at": read,
        "name": "20261127",
    }


@pytest.mark.parametrize(
    ("mapping", "text", "reason"),
    [
        (DAY, "46353", "'46353' is a number; nothing states how to read it"),
        (DAY, "20261127103000", "is a number; nothing states how to read it"),
        (DAY, "1764239400", "is a number; nothing states how to read it"),
        (DAY, "20261327", "'20261327' is a number; nothing states how to read it"),
        (DAY, "tomorrow", "'tomorrow' is not an instant in ISO 8601"),
        (DAY, "2026-02-30", "'2026-02-30' is not in the calendar"),
        (DAY, "9999-12-31T23:59:59-05:00", "is out of the calendar"),
        (PATTERN, "46353", "'46353' is no date like %Y-%m-%d"),
        (PATTERN, "20261127103000", "'20261127103000' is no date like %Y-%m-%d"),
        (SERIAL, "20261127103000", "'20261127103000' is not the number of a day"),
        (SERIAL, "-1", "'-1' is not the number of a day"),
        (SERIAL, "tomorrow", "'tomorrow' is no date like serial"),
    ],
)
def test_import_refuses_what_is_no_instant_by_row(mapping: bytes, text: str, reason: str) -> None:
    report = Report()
    table = TableFile(["Day", "Name"], [(2, ["2026-11-27", "a"]), (3, [text, "b"])])
    forms = report.forms(table, Mapping.read(mapping))

    assert [number for number, _ in forms] == [2]
    [error] = report.errors
    assert (error.row, error.column) == (3, "Day")
    assert reason in error.reason


@given(st.from_regex(r"[+-]?[0-9.]{1,20}", fullmatch=True))
def test_import_never_takes_digits_for_seconds(text: str) -> None:
    report = Report()
    forms = report.forms(TableFile(["Day", "Name"], [(2, [text, ""])]), Mapping.read(DAY))

    for _, form in forms:
        day = datetime.fromisoformat(form["captured_at"]).astimezone(ZoneInfo("Asia/Shanghai"))
        assert f"{day:%Y%m%d}" == text.zfill(8)


def test_import_notes_what_it_does_not_read() -> None:
    report = Report()
    table = TableFile(
        ["Ignored", "Day", "Name", "", "Ignored"], [], ((4, "is bad"),), ("read as gb18030",)
    )
    report.forms(table, Mapping.read(DAY))

    assert report.notes == [
        "read as gb18030",
        "ignored, for the mapping has no field for it: (no name), Ignored",
    ]
    assert (report.rows, report.refused, report.errors[0].row) == (1, 1, 4)


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (["Ada", "m", "fax", "", ""], "Came by", "'fax' is not in the mapping's values"),
        (["Ada", "m", "web", "31.02.2026", ""], "Day", "'31.02.2026' is no date like %d.%m.%Y"),
        (["Ada", "m", "web", "0001-01-01", ""], "Day", "'0001-01-01' is out of the calendar"),
        (["A\0da", "m", "web", "", ""], "Name", "holds a NUL character"),
        (["Ada", "m"], None, "has 2 columns instead of 5"),
        (["a", "b", "c", "d", "e", "f"], None, "has 6 columns instead of 5"),
    ],
)
def test_import_refuses_an_unreadable_row_with_its_column(
    row: list[str], column: str | None, reason: str
) -> None:
    report = Report()
    forms = report.forms(TableFile(COLUMNS, [(7, row)]), Mapping.read(MAPPING))

    assert forms == []
    assert (report.rows, report.refused) == (1, 1)
    assert [e.model_dump() for e in report.errors] == [
        {"row": 7, "column": column, "reason": reason}
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "Input should be a valid dictionary"),
        (b"columns: {}", "at least 1 item"),
        (b"columns: {a: b", "neither YAML nor JSON"),
        (b'{"columns": {"a": ', "neither YAML nor JSON"),
        (b"\xff\xfe", "neither YAML nor JSON"),
        (b"columns: {a: b}\nother: 1", "other: Extra inputs"),
        (b"columns: {a: b}\ntimezone: Mars/Base", "no time zone 'Mars/Base'"),
        (b"columns: {a: b}\ntimezone: ../../etc/passwd", "no time zone"),
        (b"columns: {a: x, b: x}", "'x' is given twice"),
        (b"columns: {a: contact, b: contact.name}", "'contact.name' is given twice"),
        (b"columns: {a: x..y}", "'x..y' is no field"),
        (b"columns: {a: x}\ndates: {x: '%d.%m.'}", "has no year"),
        (b"columns: {a: x}\ndates: {x: '%Y %Q'}", "there is no directive %Q"),
        (b"columns: {a: x}\ndates: {x: '%Y %Z'}", "use %z"),
        (b"columns: {a: x}\ndates: {x: '%Y%'}", "there is no directive %"),
        (b'{"columns": {"a": 1}}', "columns.a: Input should be a valid string"),
        (b"columns: &all {a: b}\nconstants: *all", "references"),
        (b"columns: " + b"[" * 60_000, "nested deeper than 4"),
        (b'{"columns": ' + b"[" * 60_000, "neither YAML nor JSON"),
        (b"columns: {a: b}\n" + b"#" * 70_000, "is larger than 65536 bytes"),
    ],
)
def test_import_names_the_error_of_an_invalid_mapping(text: bytes, told: str) -> None:
    with pytest.raises(UnreadableFile, match=told):
        Mapping.read(text)


@pytest.mark.parametrize(
    ("columns", "told"),
    [(COLUMNS[1:], "has no column Name"), ([*COLUMNS, "Mail"], "has more than one column Mail")],
)
def test_import_requires_each_mapped_column_once(columns: list[str], told: str) -> None:
    with pytest.raises(UnreadableFile, match=told):
        Report().forms(TableFile(columns, []), Mapping.read(MAPPING))


def test_import_ignores_repeated_columns_without_a_mapping() -> None:
    table = TableFile([*COLUMNS, "Ignored"], [(2, ["Ada", "m", "web", "", "?", "?"])])

    assert len(Report().forms(table, Mapping.read(MAPPING))) == 1


@pytest.mark.parametrize(
    ("pointer", "column"),
    [
        ("/contact/email", "Mail"),
        ("/contact", "Name, Mail"),
        ("/captured_at/0", "Day"),
        ("/title", "Name"),
        ("/origin/campaign", None),
    ],
)
def test_import_names_the_column_of_a_refused_field(pointer: str, column: str | None) -> None:
    assert Mapping.read(MAPPING).column_of(pointer) == column


def test_import_report_uses_the_row_numbers_of_the_file() -> None:
    report = Report(rows=4)
    results: list[dict[str, Any]] = [
        {"outcome": "accepted", "number": "L-1"},
        {"outcome": "duplicate", "number": "L-1", "duplicate_of_row": 0},
        {"outcome": "duplicate", "number": "L-0"},
        {"outcome": "refused", "errors": [{"pointer": "/contact/email", "detail": "is none"}]},
    ]
    report.count([3, 5, 6, 9], results, Mapping.read(MAPPING))

    assert report.model_dump() == {
        "rows": 4,
        "accepted": 1,
        "duplicates": 2,
        "refused": 1,
        "errors": [{"row": 9, "column": "Mail", "reason": "is none"}],
        "repeated": [
            {"row": 5, "of": "L-1", "of_row": 3},
            {"row": 6, "of": "L-0", "of_row": None},
        ],
        "notes": [],
    }


@given(st.lists(st.lists(st.text(max_size=5), min_size=3, max_size=7), max_size=20))
def test_import_accounts_for_every_row(rows: Sequence[list[str]]) -> None:
    report = Report()
    table = TableFile(COLUMNS, [(n, row) for n, row in enumerate(rows, 2)])
    forms = report.forms(table, Mapping.read(MAPPING))

    assert report.rows == len(rows) == len(forms) + report.refused
    assert {n for n, _ in forms} | {e.row for e in report.errors} == {n for n, _ in table.rows}


def test_import_adds_constants_unless_their_parent_is_absent() -> None:
    mapping = Mapping.read(
        b"columns: {name: contact.name, worth: budget.amount}\n"
        b"constants: {origin.channel: website, budget.currency: CNY}\n"
    )
    columns = ["name", "worth"]

    assert mapping.form(columns, ["Ada", ""]) == {
        "contact": {"name": "Ada"},
        "origin": {"channel": "website"},
    }
    assert mapping.form(columns, ["Ada", "5"])["budget"] == {"amount": "5", "currency": "CNY"}
