"""Bank statements: each line counts once, in any file and any order."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from billing_builders import (
    GROSS,
    NOW,
    UPFRONT,
    a_delivery,
    a_fulfilment,
    a_line,
    a_signature,
    books_agree,
    pay,
    report,
)

from contracts.billing import InvoiceIssued, InvoicePaid, JourneySettled, PaymentReceived
from contracts.money import Money
from contracts.terms import Prepayment
from testkit.harness import Harness

HEADING = "bank_reference,amount,currency,booked_at,payer,remittance,returns\n"
UNTRUSTED = Prepayment(provider="paypal", reference="PP-77", amount=GROSS, captured_at=NOW)


def a_row(reference: str, remittance: str = "", amount: str = GROSS.amount, back: str = "") -> str:
    return f"{reference},{amount},CNY,{NOW.isoformat()},Acme,{remittance},{back}\n"


async def send_file(
    billing_svc: Harness,
    text: str | bytes,
    *,
    kind: str = "text/csv",
    dry_run: bool = False,
    **more: str,
) -> httpx.Response:
    async with billing_svc.client("integration_bank") as bank:
        return await bank.post(
            "/bank-statements/file",
            params={"dry_run": dry_run, **more},
            content=text if isinstance(text, bytes) else text.encode(),
            headers={"Idempotency-Key": uuid4().hex, "Content-Type": kind},
        )


async def test_statement_file_rows_are_booked_known_or_refused(billing_svc: Harness) -> None:
    await billing_svc.receives(a_signature(), a_delivery(3), a_fulfilment())
    [issued] = await billing_svc.published(InvoiceIssued)
    await pay(billing_svc, "nobody", Money(5_00, "CNY"), "B-0")
    text = HEADING + "".join(
        (
            a_row("B-1", issued.number),
            a_row("B-1", issued.number),
            a_row("B-0", amount="6.00"),
            a_row("B-2", amount="1.001"),
            a_row("B-3", amount="-1.00"),
            a_row("B-4", back="B-9"),
            a_row("OUT", amount="5.00", back="B-0"),
        )
    )
    dry = await send_file(billing_svc, text, dry_run=True)
    assert await billing_svc.published(InvoicePaid) == []
    done = await send_file(billing_svc, text)
    again = await send_file(billing_svc, text)

    assert dry.json() == {**done.json(), "dry_run": True}
    assert (done.json()["rows"], done.json()["booked"], done.json()["known"]) == (7, 2, 1)
    assert [refused["row"] for refused in done.json()["refused"]] == [4, 5, 6, 7]
    assert (again.json()["booked"], again.json()["known"]) == (0, 3)
    assert len(await billing_svc.published(InvoicePaid)) == 1
    assert len(await billing_svc.published(PaymentReceived)) == 2
    await books_agree(billing_svc)


@pytest.mark.parametrize(
    ("text", "kind", "status"),
    [
        (HEADING.replace("amount", "sum") + a_row("B"), "text/csv", 422),
        (b"\xff\xfe", "text/csv", 422),
        (HEADING.replace("payer", "amount") + a_row("B"), "text/csv", 422),
        (b"PK\x03\x04", "text/csv", 422),
        (HEADING + '"' + a_row("B"), "text/csv", 422),
        ("", "text/csv", 422),
        (HEADING + a_row("B"), "text/plain", 415),
    ],
)
async def test_statement_file_that_is_invalid_is_refused_as_a_whole(
    billing_svc: Harness, text: str | bytes, kind: str, status: int
) -> None:
    answer = await send_file(billing_svc, text, kind=kind)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert await billing_svc.said() == []


GOOD = "OK,5.00,CNY,2026-11-27T10:00:00Z,Acme,,"


@pytest.mark.parametrize(
    ("line", "column", "error"),
    [
        ("BS-2,16.00,CNY,2026-11-28T10:00:00Z", None, "has 4 columns instead of 7"),
        ("BS-2,16.00,CNY,2026-11-28T10:00:00Z,a,b,c,d", None, "has 8 columns instead of 7"),
        ("BD-1,10.00,CNY,46353,A,,", "booked_at", "'46353' is a number"),
        ("BD-3,10.00,CNY,20261127103000,A,,", "booked_at", "is a number"),
        ("BC-2,14.00,CNY,9999-12-31T23:59:59-05:00,A,,", "booked_at", "is out of the calendar"),
        ("BC-3,14.00,CNY,9999-12-31T00:00:00Z,A,,", "booked_at", "has not come yet"),
        ("BC-4,14.00,CNY,0001-01-01T00:00:00Z,A,,", "booked_at", "is before 1970-01-01"),
        ("BC-5,14.00,CNY,2026-11-27T10:00:00,A,,", "booked_at", "has no offset from UTC"),
        ("BL-2,-17.00,CNY,2026-11-27T10:00:00Z,A,,", "amount, currency", "more than zero"),
        ("BL-2,,CNY,2026-11-27T10:00:00Z,A,,", "amount, currency", "must be a plain decimal"),
        ("BN-1,1.00,CNY,2026-11-27T10:00:00Z,A\0B,,", "payer", "holds a NUL character"),
        ('BQ-1,1.00,CNY,2026-11-27T10:00:00Z,"A "B" C",,', None, "has a quotation mark"),
    ],
)
async def test_statement_file_refuses_a_bad_row_alone(
    billing_svc: Harness, line: str, column: str | None, error: str
) -> None:
    done = await send_file(billing_svc, f"\ufeff{HEADING}{GOOD}\n\n\r\n{line}\n")
    report = done.json()

    assert done.status_code == 200, done.text
    assert (report["rows"], report["booked"], report["known"]) == (2, 1, 0)
    [refused] = report["refused"]
    assert (refused["row"], refused["column"]) == (5, column)
    assert error in refused["error"]


async def test_statement_file_reads_days_in_the_stated_zone(billing_svc: Harness) -> None:
    text = HEADING.replace("\n", ",more\n") + "".join(
        f"B-{day},5.00,CNY,{day},{payer},,,x\n"
        for day, payer in (("2026-11-27", "김민준"), ("20261127", "이서연"))
    )
    zone = {"timezone": "Asia/Shanghai"}
    unzoned = await send_file(billing_svc, text)
    unclear = await send_file(billing_svc, text.encode("euc_kr"), **zone)
    stated = await send_file(billing_svc, text.encode("euc_kr"), encoding="euc_kr", **zone)
    nowhere = await send_file(billing_svc, text, timezone="Mars/Base")

    assert [row["column"] for row in unzoned.json()["refused"]] == ["booked_at"] * 2
    assert unclear.json()["type"] == "urn:ltc:problem:encoding-unclear"
    assert nowhere.json()["errors"][0]["pointer"] == "/query/timezone"
    assert (stated.json()["booked"], stated.json()["notes"]) == (
        2,
        ["read as euc_kr", "ignored, for the mapping has no field for it: more"],
    )
    told = await billing_svc.published(PaymentReceived)
    assert {f"{fact.received_at:%Y-%m-%dT%H}" for fact in told} == {"2026-11-26T16"}


@pytest.mark.parametrize("line_first", [False, True])
async def test_prepayment_untrusted_is_cash_when_the_bank_reports_its_reference(
    billing_svc: Harness, *, line_first: bool
) -> None:
    async def sign() -> None:
        await billing_svc.receives(a_signature(UPFRONT, prepayment=UNTRUSTED), times=2)

    async def pay_in() -> None:
        line = a_line("", GROSS, "PP-77", payer="someone else", remittance=None)
        assert (await report(billing_svc, line)).is_success

    for step in (pay_in, sign) if line_first else (sign, pay_in):
        await step()
    await billing_svc.receives(a_fulfilment())

    assert len(await billing_svc.published(InvoicePaid)) == 1
    assert len(await billing_svc.published(PaymentReceived)) == 1
    assert len(await billing_svc.published(JourneySettled)) == 1
    await books_agree(billing_svc)


async def test_prepayment_with_a_spent_reference_leaves_the_invoice_open(
    billing_svc: Harness,
) -> None:
    paid = Prepayment(provider="alipay", reference="P-1", amount=GROSS, captured_at=NOW)
    first = a_signature(UPFRONT, prepayment=paid)
    second = a_signature(
        UPFRONT,
        contract_id=uuid4(),
        prepayment=paid.model_copy(update={"amount": GROSS + GROSS}),
    )
    await billing_svc.receives(first, second)

    assert len(await billing_svc.published(InvoiceIssued)) == 2
    assert len(await billing_svc.published(InvoicePaid)) == 1
    assert len(await billing_svc.published(PaymentReceived)) == 1
    assert await billing_svc.rows("SELECT name, owner FROM gate WHERE cleared_at IS NULL") == [
        ("payment", "party:customer")
    ]
    await books_agree(billing_svc)


async def test_payment_is_matched_by_exact_amount_only_without_a_second_candidate(
    billing_svc: Harness,
) -> None:
    await billing_svc.receives(a_signature(UPFRONT))
    one = await pay(billing_svc, "thanks", GROSS)
    assert one.json()[0]["unapplied"] is None
    await billing_svc.receives(*(a_signature(UPFRONT, contract_id=uuid4()) for _ in range(2)))
    two = await pay(billing_svc, "thanks", GROSS, "B-2")

    assert two.json()[0]["unapplied"] == {"amount": GROSS.amount, "currency": "CNY"}
    await books_agree(billing_svc)


async def test_payment_above_the_invoice_waits_for_finance_with_the_excess(
    billing_svc: Harness,
) -> None:
    await billing_svc.receives(a_signature(UPFRONT))
    [issued] = await billing_svc.published(InvoiceIssued)
    short = await pay(billing_svc, issued.number, Money(60_01, "CNY"))
    over = await pay(billing_svc, issued.number, GROSS, "B-2")

    assert short.json()[0]["unapplied"] is None
    assert over.json()[0]["unapplied"] == {"amount": "60.01", "currency": "CNY"}
    await books_agree(billing_svc)


async def test_statement_books_the_lines_beside_a_bad_one(billing_svc: Harness) -> None:
    """A day that is none, and a reference that is known with another amount."""
    await billing_svc.receives(a_signature(UPFRONT))
    [issued] = await billing_svc.published(InvoiceIssued)
    await pay(billing_svc, "nothing", Money(1_00, "CNY"), "B-9")
    good, bad_day, known, contradiction = (
        a_line(issued.number, Money(60_01, "CNY")),
        a_line(issued.number, GROSS, "B-2", booked_at="2026-13-01T00:00:00Z"),
        a_line("nothing", Money(1_00, "CNY"), "B-9"),
        a_line("nothing", Money(2_00, "CNY"), "B-9"),
    )
    answer = await report(billing_svc, bad_day, good, known, contradiction)

    assert answer.status_code == 200
    outcomes = [(row["row"], row["outcome"], row["bank_reference"]) for row in answer.json()]
    assert outcomes == [
        (0, "refused", "B-2"), (1, "booked", "B-1"), (2, "known", "B-9"), (3, "refused", "B-9"),
    ]  # fmt: skip
    [[day], [other]] = [row["errors"] for row in answer.json() if row["errors"]]
    assert day["pointer"] == "/body/lines/0/booked_at"
    assert (other["pointer"], "amount was" in other["detail"]) == ("/body/lines/3", True)
    await books_agree(billing_svc)


async def test_statement_of_which_nothing_can_be_booked_is_an_error(billing_svc: Harness) -> None:
    await pay(billing_svc, "nothing", Money(1_00, "CNY"), "B-9")
    bad = a_line("nothing", GROSS, "B-2", booked_at="20261127")
    contradiction = a_line("nothing", Money(2_00, "CNY"), "B-9")
    both = await report(billing_svc, bad, contradiction)
    one = await report(billing_svc, contradiction)

    pointers = [error["pointer"] for error in both.json()["errors"]]
    assert (both.status_code, pointers) == (422, ["/body/lines/0/booked_at", "/body/lines/1"])
    assert (one.status_code, one.json()["type"]) == (422, "urn:ltc:problem:other-content")


@pytest.mark.parametrize("role", ["sales_rep", "auditor", "integration_erp", None])
async def test_statement_route_is_for_bank_and_finance_only(
    billing_svc: Harness, role: str | None
) -> None:
    async with billing_svc.client(*((role,) if role else ())) as client:
        answers: list[Any] = [
            await client.post(path, json={"lines": [a_line("x", GROSS)]})
            for path in ("/bank-statements", "/bank-statements/file")
        ]

    assert {answer.status_code for answer in answers} == {403 if role else 401}
    assert await billing_svc.said() == []
