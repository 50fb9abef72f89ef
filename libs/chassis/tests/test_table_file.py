"""Reading of CSV and XLSX files: encodings, delimiters, row numbers, and size limits."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime
from typing import Any

import pytest
import xlsxwriter

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


def test_table_file_keeps_row_numbers_across_line_breaks_and_blank_lines() -> None:
    text = 'a,b\r\n"one\r\ntwo",2\r\n\r\n , \r\n5,"say ""yes""",,\r\n6\r\n7,8,9\r\n'
    table = read_table(text.encode(), "f.csv")

    assert table.rows == [
        (2, ["one\r\ntwo", "2"]),
        (5, ["5", 'say "yes"']),
        (6, ["6"]),
        (7, ["7", "8", "9"]),
    ]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "is empty"),
        (b"\n \n\t\n", "is empty"),
        (b'a,b\n"never closed,1\n', "is no well-formed CSV"),
        (b'a,b\n"x"y,1\n', "is no well-formed CSV"),
        (b"PK\x03\x04 and nothing else", "is no readable workbook"),
        (b"\xd0\xcf\x11\xe0 and nothing else", "is no readable workbook"),
        (b"\xff\xfea\x00\x00", "has an unknown encoding"),
    ],
)
def test_table_file_names_the_reason_why_a_file_is_no_table(body: bytes, told: str) -> None:
    with pytest.raises(UnreadableFile, match=f"^f.csv .*{told}"):
        read_table(body, "f.csv")


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
