"""Import of lead files through the upload route, on real PostgreSQL."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import xlsxwriter
from lead_builders import of_each, uploaded

from contracts.lead import LeadCaptured
from testkit.harness import Harness

MAPPING = """
columns: {姓名: contact.name, 公司: company.name, 邮箱: contact.email, 电话: contact.phone,
          渠道: origin.channel, 需求: need, 日期: captured_at}
values:
  origin.channel: {官网: website, 展会: exhibition}
dates: {captured_at: "%Y-%m-%d"}
timezone: Asia/Shanghai
"""
HEADER = "姓名,公司,邮箱,电话,渠道,需求,日期\n"
GOOD = '王小明,示例科技有限公司,wang@example.cn,138 0013 8000,官网,"一行\n两行",2026-03-01\n'
FILE = (
    HEADER
    + GOOD
    + ",,,,,,\n"
    + "李雷,另一公司,li@example.cn,,展会,,2026-03-02\n"
    + "王小明,示例科技,,+86 13800138000,展会,,2026-03-03\n"
    + "坏邮箱,,not an address,,官网,,2026-03-01\n"
    + "坏渠道,,x@example.cn,,传真,,2026-03-01\n"
    + ",,nobody@example.cn,,官网,,2026-03-01\n"
    + "将来,,future@example.cn,,官网,,2999-01-01\n"
    + "短,行\n"
)


async def upload(
    client: httpx.AsyncClient,
    body: str | bytes = FILE,
    mapping: str | bytes = MAPPING,
    **options: Any,
) -> httpx.Response:
    return await uploaded(client, body, mapping, **options)


async def test_lead_import_answers_for_every_row(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_rep") as client:
        answer = await upload(client)
        listed = await client.get("/leads", params={"q": "wang@example.cn"})

    assert answer.status_code == 201, answer.text
    assert of_each(answer) == (8, 2, 1, 5)
    assert [(e["row"], e["column"]) for e in answer.json()["errors"]] == [
        (7, "邮箱"),
        (8, "渠道"),
        (9, "姓名"),
        (10, "日期"),
        (11, None),
    ]
    [first] = listed.json()["items"]
    assert answer.json()["repeated"] == [{"row": 6, "of": first["number"], "of_row": 2}]
    assert first["need"] == "一行\n两行"
    assert first["captured_at"] == "2026-02-28T16:00:00Z"
    assert len(await lead_svc.published(LeadCaptured)) == 2


async def test_lead_import_of_the_same_file_adds_nothing(lead_svc: Harness) -> None:
    async with lead_svc.client("integration_import") as client:
        await upload(client)
        said = await lead_svc.said()
        again = await upload(client, FILE.encode("gb18030"))

    assert of_each(again) == (8, 0, 3, 5)
    assert {r["of_row"] for r in again.json()["repeated"]} == {None}
    assert await lead_svc.said() == said


async def test_lead_import_dry_run_reports_the_same_and_changes_nothing(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_rep") as client:
        rehearsed = await upload(client, dry_run="true")
        listed = await client.get("/leads/imports")
        done = await upload(client, dry_run="false")

    assert (rehearsed.status_code, done.status_code) == (200, 201)
    assert rehearsed.json()["id"] is None
    assert "location" not in rehearsed.headers
    assert of_each(rehearsed) == of_each(done) == (8, 2, 1, 5)
    assert rehearsed.json()["errors"] == done.json()["errors"]
    assert listed.json()["items"] == []


async def test_lead_import_report_stays_readable(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_rep") as client:
        answers = [await upload(client, HEADER + GOOD) for _ in range(3)]
        shown = await client.get(answers[0].headers["location"])
        first = (await client.get("/leads/imports", params={"limit": 2})).json()
        rest = (
            await client.get("/leads/imports", params={"limit": 2, "cursor": first["next"]})
        ).json()
        missing = await client.get(f"/leads/imports/{'0' * 8}-0000-0000-0000-{'0' * 12}")

    assert shown.json() == answers[0].json()
    assert [i["id"] for i in first["items"] + rest["items"]] == [
        a.json()["id"] for a in reversed(answers)
    ]
    assert rest["next"] is None
    assert first["items"][1]["duplicates"] == 1
    assert missing.status_code == 404


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig", "utf-16", "utf-16-le"])
async def test_lead_import_accepts_every_usual_encoding(lead_svc: Harness, encoding: str) -> None:
    async with lead_svc.client("sales_rep") as client:
        answer = await upload(client, FILE.encode(encoding))

    assert of_each(answer) == (8, 2, 1, 5)


KOREAN = "이름,메일\n김민준,a@x.example\n이서연,b@x.example\n"
PLAIN = "columns: {Name: contact.name, Mail: contact.email}\nconstants: {origin.channel: import}\n"


async def test_lead_import_asks_for_an_encoding_that_is_not_certain(lead_svc: Harness) -> None:
    body = KOREAN.replace("이름,메일", "Name,Mail").encode("euc_kr")
    async with lead_svc.client("sales_rep") as client:
        unclear = await upload(client, body, PLAIN)
        none_yet = (await client.get("/leads")).json()["items"]
        stated = await upload(client, body, PLAIN, encoding="euc-kr")
        by_columns = await upload(
            client, KOREAN.encode("euc_kr"), PLAIN.replace("Name", "이름").replace("Mail", "메일")
        )
        leads = (await client.get("/leads")).json()["items"]

    assert (unclear.status_code, none_yet) == (422, [])
    assert unclear.json()["type"] == "urn:ltc:problem:encoding-unclear"
    readings = {r["encoding"]: r["sample"] for r in unclear.json()["readings"]}
    assert readings["cp949"] == ["김민준,a@x.example", "이서연,b@x.example"]
    assert readings["gb18030"] != readings["cp949"]
    assert stated.json()["notes"] == ["read as euc_kr"]
    assert (of_each(stated), of_each(by_columns)) == ((2, 2, 0, 0), (2, 0, 2, 0))
    assert {lead["contact"]["name"] for lead in leads} == {"김민준", "이서연"}


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        (b"Bad,2026-11-27T10:00:00Z,x\0y", "Mail", "holds a NUL character"),
        (b'"Bad "q" q",2026-11-27T10:00:00Z,b@x.example', None, "has a quotation mark"),
        (b"Bad,2026-11-27T10:00:00Z", None, "has 2 columns instead of 3"),
        (b"Bad,2026-11-27T10:00:00Z,b@x.example,more", None, "has 4 columns instead of 3"),
        (b"Bad,46353,b@x.example", "Day", "'46353' is a number; nothing states"),
        (b"Bad,0001-01-01T00:00:00+14:00,b@x.example", "Day", "is out of the calendar"),
        (b"Bad,0001-01-02T00:00:00Z,b@x.example", "Day", "is before 1970-01-01"),
        (b"Bad,9999-12-31,b@x.example", "Day", "has not come yet"),
    ],
)
async def test_lead_import_refuses_a_bad_row_alone(
    lead_svc: Harness, line: bytes, column: str | None, reason: str
) -> None:
    body = b"\xef\xbb\xbfName,Day,Mail\r\nGood,2026-11-27,a@x.example\r\n\r\n" + line + b"\r\n"
    mapping = PLAIN.replace("{Name", "{Day: captured_at, Name") + "timezone: Asia/Shanghai\n"
    async with lead_svc.client("sales_rep") as client:
        answer = await upload(client, body, mapping + "encoding: utf-8\n")
        [lead] = (await client.get("/leads")).json()["items"]

    assert (of_each(answer), lead["captured_at"]) == ((2, 1, 0, 1), "2026-11-26T16:00:00Z")
    [error] = answer.json()["errors"]
    assert (error["row"], error["column"]) == (4, column)
    assert reason in error["reason"]


async def test_lead_import_accepts_a_workbook_with_dates_and_numbers(lead_svc: Harness) -> None:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"remove_timezone": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["名", "手机", "预算", "日", "来源"])
        sheet.write_row(2, 0, ["王小明", 13800138000, 1234.5])
        day = book.add_format({"num_format": "yyyy/m/d"})
        sheet.write_datetime(2, 3, datetime(2026, 3, 1, tzinfo=UTC), day)
        sheet.write(2, 4, "官网")
    mapping = {
        "columns": {
            "名": "contact.name",
            "手机": "contact.phone",
            "预算": "budget.amount",
            "日": "captured_at",
            "来源": "origin.channel",
        },
        "constants": {"budget.currency": "CNY"},
        "dates": {"captured_at": "%Y/%m/%d"},
    }
    async with lead_svc.client("sales_rep") as client:
        answer = await upload(client, buffer.getvalue(), json.dumps(mapping))
        [lead] = (await client.get("/leads")).json()["items"]

    assert of_each(answer) == (1, 1, 0, 0), answer.text
    assert lead["contact"]["phone"] == "+8613800138000"
    assert lead["budget"] == {"amount": "1234.50", "currency": "CNY"}
    assert lead["captured_at"] == "2026-03-01T00:00:00Z"


@pytest.mark.parametrize(
    ("dates", "taken"), [("", {"Cell"}), ("dates: {captured_at: serial}\n", {"Cell", "Number"})]
)
async def test_lead_import_reads_serial_numbers_when_the_mapping_says_so(
    lead_svc: Harness, dates: str, taken: set[str]
) -> None:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"remove_timezone": True}) as book:
        sheet = book.add_worksheet()
        day = book.add_format({"num_format": "yyyy/m/d"})
        sheet.write_row(0, 0, ["Name", "Mail", "Day"])
        sheet.write_row(1, 0, ["Number", "n@x.example", 46353])
        sheet.write_row(2, 0, ["Cell", "c@x.example"])
        sheet.write_datetime(2, 2, datetime(2026, 11, 27, tzinfo=UTC), day)
    mapping = PLAIN.replace("{Name", "{Day: captured_at, Name") + "timezone: Asia/Shanghai\n"
    async with lead_svc.client("sales_rep") as client:
        answer = await upload(client, buffer.getvalue(), mapping + dates)
        leads = (await client.get("/leads")).json()["items"]

    assert {lead["contact"]["name"] for lead in leads} == taken
    assert {lead["captured_at"] for lead in leads} == {"2026-11-26T16:00:00Z"}
    assert [(e["row"], e["column"]) for e in answer.json()["errors"]] == [(2, "Day")][
        len(taken) - 1 :
    ]


@pytest.mark.parametrize(
    ("body", "mapping", "told"),
    [
        ("", MAPPING, "leads.csv is empty"),
        (HEADER + GOOD + '"open,1\n', MAPPING, "leads.csv is no well-formed CSV"),
        (b"PK\x03\x04 nothing", MAPPING, "leads.csv is no readable workbook"),
        ("a;b\n1;2\n", MAPPING, "the file has no column 姓名"),
        ("姓名," + HEADER + "x," + GOOD, MAPPING, "the file has more than one column 姓名"),
        (FILE, "columns: [", "the mapping is neither YAML nor JSON"),
        (FILE, "columns: {姓名: contact.name}\nnonsense: 1", "nonsense: Extra inputs"),
        (HEADER + GOOD * 20_001, MAPPING, "has 20001 rows; 20000 are taken at once"),
    ],
)
async def test_lead_import_of_an_invalid_file_is_one_problem(
    lead_svc: Harness, body: str | bytes, mapping: str, told: str
) -> None:
    async with lead_svc.client("sales_rep") as client:
        answer = await upload(client, body, mapping)
        listed = (await client.get("/leads/imports")).json()

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:ltc:problem:unreadable-file"
    assert told in answer.json()["detail"]
    assert listed["items"] == []
    assert await lead_svc.said() == []


async def test_lead_import_refuses_a_file_over_the_limit(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_rep") as client:
        answer = await upload(client, b"a" * (16 * 1024 * 1024 + 1))

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


async def test_lead_import_refuses_an_incomplete_form(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_rep") as client:
        without = await client.post("/leads/imports", files={"file": ("a.csv", b"a")})
        no_form = await client.post("/leads/imports", json={"file": "a"})

    for answer in (without, no_form):
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
    assert without.json()["errors"][0]["pointer"] == "/body/mapping"


async def test_lead_import_with_one_idempotency_key_is_one_import(lead_svc: Harness) -> None:
    key = {"Idempotency-Key": "upload-1"}
    async with lead_svc.client("sales_rep") as client:
        first = await upload(client, headers=key)
        again = await upload(client, headers=key)
        other = await upload(client, HEADER + GOOD, headers=key)

    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json()
    assert other.status_code == 422
    assert await lead_svc.rows("SELECT count(*) FROM lead_import") == [(1,)]


async def test_lead_import_needs_the_role_for_capture(lead_svc: Harness) -> None:
    async with lead_svc.client() as nobody, lead_svc.client("finance") as finance:
        assert (await upload(nobody)).status_code == 401
        assert (await upload(finance)).status_code == 403
        assert (await finance.get("/leads/imports")).status_code == 403


async def test_lead_import_takes_ten_thousand_rows(lead_svc: Harness) -> None:
    rows = [f"客户{n},公司{n},c{n}@example.cn,,官网,,2026-03-01\n" for n in range(9_990)]
    async with lead_svc.client("sales_rep") as client:
        answer = await upload(client, HEADER + "".join([*rows, *rows[:10]]))
        again = await upload(client, HEADER + "".join(rows), dry_run="true")

    assert of_each(answer) == (10_000, 9_990, 10, 0)
    assert of_each(again) == (9_990, 0, 9_990, 0)
    assert await lead_svc.rows("SELECT count(*) FROM lead") == [(9_990,)]
    captured = "SELECT count(*) FROM outbox WHERE type = 'ltc.lead.captured.v1'"
    assert await lead_svc.rows(captured) == [(9_990,)]
