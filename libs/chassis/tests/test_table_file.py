"""Reading of CSV and XLSX files: encodings, delimiters, row numbers, and size limits."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, date, datetime
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from chassis.table_file import UnreadableFile, read_table

CHINESE = "姓名,公司\n王小明,示例科技有限公司\n"


def a_workbook(*rows: list[Any], first_row: int = 0) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"remove_timezone": True}) as book:
        sheet = book.add_worksheet()
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for n, row in enumerate(rows, first_row):
            for m, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(n, m, cell, day)
                else:
                    sheet.write(n, m, cell)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16", "utf-16-le", "utf-16-be", "utf-32"],
)
def test_table_file_reads_chinese_in_every_usual_encoding(encoding: str) -> None:
    table = read_table(CHINESE.encode(encoding), "f.csv")

    assert table.columns == ["姓名", "公司"]
    assert table.rows == [(2, ["王小明", "示例科技有限公司"])]


@pytest.mark.parametrize("text", ["name\nMüller\nGroße Höhe\n", "name\nJosé Núñez\nFrançois\n"])
def test_table_file_does_not_take_western_text_for_chinese(text: str) -> None:
    table = read_table(text.encode("cp1252"), "f.csv")

    assert [row[0] for _, row in table.rows] == text.split("\n")[1:3]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("姓名\n王小明 範例科技\n", "big5"),
        ("имя\nПривет мир\n", "cp1251"),
        ("名前\n田中太郎、東京\n", "cp932"),
    ],
)
def test_table_file_recognises_big5_cp1251_and_cp932(text: str, encoding: str) -> None:
    table = read_table(text.encode(encoding), "f.csv")

    assert [*table.columns, table.rows[0][1][0]] == text.split("\n")[:2]


def test_table_file_uses_the_encoding_that_is_given() -> None:
    assert read_table("a\nПривет\n".encode("koi8-r"), "f", encoding="koi8-r").rows == [
        (2, ["Привет"])
    ]
    for wrong in ("ascii", "no-such-encoding"):
        with pytest.raises(UnreadableFile, match=f"f is not written in {wrong}"):
            read_table("a\nПривет\n".encode(), "f", encoding=wrong)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_table_file_detects_the_delimiter_by_the_header(mark: str) -> None:
    text = mark.join(['"last, first"', "b;c" if mark != ";" else "bc", "d"]) + "\n"
    text += mark.join(["1", "2", "3"]) + "\n"
    if mark == ",":
        text = text.replace("b;c", '"b;c"')

    assert read_table(text.encode(), "f.csv").rows == [(2, ["1", "2", "3"])]


def test_table_file_counts_rows_by_the_lines_of_an_editor() -> None:
    text = 'a,b\r\n"one\r\ntwo",2\r\n\r\n , \r\n5,"say ""yes""",,\r\n6\r\n7,8,9\r\n'
    table = read_table(text.encode(), "f.csv")

    assert table.rows == [
        (2, ["one\r\ntwo", "2"]),
        (6, ["5", 'say "yes"']),
        (7, ["6"]),
        (8, ["7", "8", "9"]),
    ]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "is empty"),
        (b"\n \n\t\n", "is empty"),
        (b'a,b\n1,2\n"never closed,1\n2,3\n', "is no well-formed CSV: line 3: a quotation mark"),
        (b'a,b\n"5" disk",1\n2,3\n', "is no well-formed CSV: line 2: a quotation mark"),
        (b'a,b\n1,"two\nlines"x\n2,3\n', "is no well-formed CSV: line 2: a quotation mark"),
        (b'"a"b,c\n1,2\n', "is no well-formed CSV: line 1: "),
        (b"PK\x03\x04 and nothing else", "is no readable workbook"),
        (b"\xd0\xcf\x11\xe0 and nothing else", "is no readable workbook"),
        (b"\xff\xfea\x00\x00", "begins with the mark of utf-16 and is not written in it"),
    ],
)
def test_table_file_names_the_reason_why_a_file_is_no_table(body: bytes, told: str) -> None:
    with pytest.raises(UnreadableFile, match=f"^f.csv .*{told}"):
        read_table(body, "f.csv")


def test_table_file_refuses_a_row_with_a_bad_quotation_mark_alone() -> None:
    body = b'name,note\nAnn,1\n"Bo "the boss" Bee",2\n5" disk,3\n"a ""b""",4\n'
    table = read_table(body, "f.csv")

    assert table.rows == [(2, ["Ann", "1"]), (4, ['5" disk', "3"]), (5, ['a "b"', "4"])]
    [(line, why)] = table.defects
    assert line == 3
    assert why.startswith("has a quotation mark that does not enclose a cell")


def test_table_file_counts_rows_beyond_the_limit() -> None:
    body = b"a\n1\n\n2\n3\n"

    assert len(read_table(body, "f.csv", most=3).rows) == 3
    for file in (body, a_workbook(["a"], ["1"], [], ["2"], ["3"])):
        with pytest.raises(UnreadableFile, match="f has 3 rows; 2 are taken at once"):
            read_table(file, "f", most=2)


def test_table_file_refuses_a_row_with_an_enormous_cell_alone() -> None:
    table = read_table(b"a,b\n1,2\n" + b"x" * 200_000 + b",3\n4,5\n", "f.csv")

    assert table.rows == [(2, ["1", "2"]), (4, ["4", "5"])]
    assert table.defects == ((3, "has a cell of more than 131072 characters"),)


@pytest.mark.parametrize("mark", ["sep=;", "SEP=;", '"sep=;"'])
def test_table_file_takes_the_delimiter_of_a_sep_line(mark: str) -> None:
    table = read_table(f"{mark}\r\na,x;b\r\n1,5;2\r\n".encode("utf-8-sig"), "f.csv")

    assert (table.columns, table.rows) == (["a,x", "b"], [(3, ["1,5", "2"])])


def test_table_file_keeps_a_nul_in_its_cell() -> None:
    table = read_table(b"a,b\nO\0k,1\nfine,2\n", "f.csv")

    assert table.rows == [(2, ["O\0k", "1"]), (3, ["fine", "2"])]


def test_table_file_keeps_no_nul_in_the_name_of_a_column() -> None:
    """Names of columns are repeated in reports, and no report may hold one."""
    assert read_table(b"Na\0me,Email\nAnn,a\n", "f.csv").columns == ["Na\ufffdme", "Email"]


def test_table_file_drops_columns_without_a_name_at_the_end() -> None:
    table = read_table(b"a,b,,\n1,2,,\n3\n4,5,6,\n", "f.csv")

    assert (table.columns, table.rows) == (
        ["a", "b"],
        [(2, ["1", "2"]), (3, ["3"]), (4, ["4", "5", "6"])],
    )


@given(st.lists(st.lists(st.text('ab\r\n",; ', max_size=6), min_size=2, max_size=2), max_size=8))
def test_table_file_finds_each_row_on_its_line(cells: list[list[str]]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(["left", "right"])
    lines = []
    for row in cells:
        lines.append(len(list(io.StringIO(buffer.getvalue(), newline=""))) + 1)
        writer.writerow(row)
    table = read_table(buffer.getvalue().encode(), "f.csv")

    expected = [(n, row) for n, row in zip(lines, cells, strict=True) if "".join(row).strip()]
    assert table.rows == expected


def a_book_of_sheets() -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        for name, hidden in (("Old", True), ("New", False), ("Other", False)):
            sheet = book.add_worksheet(name)
            sheet.write_column(0, 0, ["name", name])
            if hidden:
                sheet.hide()
            if name == "New":
                sheet.activate()
                sheet.set_first_sheet()
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("sheet", "read", "note"),
    [
        (None, "New", "the sheet New is read, not Old, Other"),
        ("Other", "Other", "the sheet Other is read, not Old, New"),
        ("Old", "Old", "the sheet Old is read, not New, Other"),
    ],
)
def test_table_file_reads_the_first_visible_sheet_or_the_named_one(
    sheet: str | None, read: str, note: str
) -> None:
    table = read_table(a_book_of_sheets(), "f.xlsx", sheet=sheet)

    assert (table.rows, table.notes) == ([(2, [read])], (note,))


@pytest.mark.parametrize("sheet", ["new", "Nowhere", "-c", "N\0"])
def test_table_file_refuses_a_sheet_that_is_not_there(sheet: str) -> None:
    with pytest.raises(UnreadableFile, match=r"^f.xlsx "):
        read_table(a_book_of_sheets(), "f.xlsx", sheet=sheet)
    with pytest.raises(UnreadableFile, match=r"^f.csv is no workbook"):
        read_table(b"a\n1\n", "f.csv", sheet=sheet)


def test_table_file_reads_workbook_dates_and_numbers_as_text() -> None:
    moment = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    body = a_workbook(
        ["when", "at", "phone", "price", "sum", "much", "yes"],
        [date(2026, 3, 1), moment, 13800138000, 1234.5, 0.1 + 0.2, 1e20, True],
    )
    [(number, row)] = read_table(body, "f.xlsx").rows

    assert number == 2
    assert row[0].startswith("2026-03-01")
    assert row[1] == "2026-03-01T09:30:00"
    assert row[2:] == ["13800138000", "1234.5", "0.3", "100000000000000000000", "True"]


def test_table_file_uses_the_row_numbers_of_a_workbook() -> None:
    body = a_workbook(["a", "b"], ["1", "2"], [], ["3", "4"], first_row=2)

    assert read_table(body, "f.xlsx").rows == [(4, ["1", "2"]), (6, ["3", "4"])]


def test_table_file_bounds_the_size_that_a_workbook_declares() -> None:
    honest = io.BytesIO(a_workbook(["a"], ["b"]))
    hostile = io.BytesIO()
    with zipfile.ZipFile(honest) as source, zipfile.ZipFile(hostile, "w") as target:
        for name in source.namelist():
            part = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                part = part.replace(b'r="A2"', b'r="XFD1048576"').replace(
                    b'<row r="2"', b'<row r="1048576"'
                )
            target.writestr(name, part)

    with pytest.raises(UnreadableFile, match=r"no readable workbook, or a far too large one$"):
        read_table(hostile.getvalue(), "f.xlsx")
