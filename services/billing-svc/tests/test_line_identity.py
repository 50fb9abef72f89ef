"""A line of a statement is booked once by its reference; nothing else passes for it."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest
from billing_builders import (
    GROSS,
    NOW,
    UPFRONT,
    a_line,
    a_signature,
    balances,
    books_agree,
    pay,
    report,
)
from test_statement import HEADING, UNTRUSTED, a_row, send_file

from contracts.billing import InvoiceIssued, InvoicePaid, PaymentReceived, PaymentReturned
from contracts.money import Money
from testkit.harness import Harness

CNY_11 = Money(11_00, "CNY")


@pytest.mark.parametrize("again", ["BB-1 ", " BB-1", "BB-1\u200b", "\u3000BB-1\t"])
async def test_reference_with_blanks_is_the_same_reference(
    billing_svc: Harness, again: str
) -> None:
    lines = [a_line("x", CNY_11, "BB-1"), a_line("x", CNY_11, again)]
    answer = await report(billing_svc, *lines)
    async with billing_svc.client("finance") as finance:
        found = await finance.get("/payments", params={"reference": again})

    assert [line["new"] for line in answer.json()] == [True, False]
    assert [p["bank_reference"] for p in found.json()["items"]] == ["BB-1"]


@pytest.mark.parametrize("text", ["PP 77", "PP  77", "payment PP\n77 of Ada", "PP\u00a077."])
async def test_reference_with_a_blank_inside_pays_its_invoice(
    billing_svc: Harness, text: str
) -> None:
    spaced = UNTRUSTED.model_copy(update={"reference": "PP \u3000 77"})
    await billing_svc.receives(a_signature(UPFRONT, prepayment=spaced))
    line = a_line("", GROSS, "B-1", remittance=text, payer="someone else")
    assert (await report(billing_svc, line)).json()[0]["unapplied"] is None

    assert len(await billing_svc.published(InvoicePaid)) == 1


OF_A_PAYMENT: list[dict[str, Any]] = [{"payer": "Beta"}, {"payer": None}]
OF_ANY_LINE: list[dict[str, Any]] = [
    {"remittance": "another text"},
    {"booked_at": (NOW - timedelta(days=1)).isoformat()},
    {"amount": {"amount": "11.00", "currency": "USD"}},
]


@pytest.mark.parametrize(
    ("change", "returns"),
    [
        *((change, None) for change in OF_A_PAYMENT + OF_ANY_LINE),
        *((change, "A-1") for change in OF_ANY_LINE),
    ],
)
async def test_known_reference_with_other_content_is_refused(
    billing_svc: Harness, change: dict[str, Any], returns: str | None
) -> None:
    await report(billing_svc, a_line("x", CNY_11, "A-1"))
    line = a_line("x", CNY_11, "BB-1", returns=returns)
    await report(billing_svc, line)
    before = await billing_svc.said()
    same = await report(billing_svc, {**line, "remittance": "  for   x "})
    other = await report(billing_svc, {**line, **change})

    assert same.json()[0]["new"] is False
    assert (other.status_code, other.json()["type"]) == (422, "urn:ltc:problem:other-content")
    assert other.json()["detail"].startswith("BB-1 is known; ")
    assert await billing_svc.said() == before


async def test_line_booked_as_a_payment_is_not_booked_as_a_return(billing_svc: Harness) -> None:
    await report(billing_svc, a_line("x", CNY_11, "A-1"), a_line("x", CNY_11, "A-2"))
    answer = await report(billing_svc, a_line("x", CNY_11, "A-2", returns="A-1"))

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:ltc:problem:other-content")
    assert await billing_svc.published(PaymentReturned) == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_payment_and_its_return_in_one_statement_in_any_order(
    billing_svc: Harness, order: tuple[int, ...]
) -> None:
    await billing_svc.receives(a_signature(UPFRONT))
    [issued] = await billing_svc.published(InvoiceIssued)
    rows = [
        a_row("BR-1", issued.number),
        a_row("BR-2", "refund", back="BR-1"),
        a_row("BR-3", issued.number),
    ]
    text = HEADING + "".join(rows[n] for n in order)
    dry = await send_file(billing_svc, text, dry_run=True)
    done = await send_file(billing_svc, text)
    again = await send_file(billing_svc, text)

    for answer, (booked, known) in ((dry, (3, 0)), (done, (3, 0)), (again, (0, 3))):
        told = answer.json()
        assert (told["booked"], told["known"], told["refused"]) == (booked, known, []), told
    assert len(await billing_svc.published(PaymentReceived)) == 2
    assert (await balances(billing_svc))["bank"] == GROSS.minor
    await books_agree(billing_svc)


async def test_payment_and_its_return_in_one_request(billing_svc: Harness) -> None:
    lines = [a_line("", CNY_11, "BR-2", returns="BR-1"), a_line("", CNY_11, "BR-1")]
    answer = await report(billing_svc, *lines)

    assert [line["bank_reference"] for line in answer.json()] == ["BR-2", "BR-1"]
    assert {line["number"] for line in answer.json()} == {answer.json()[0]["number"]}
    assert await balances(billing_svc) == {}


@pytest.mark.parametrize("form", ["P{}", "{}7", "X-{}", "{}-1", "{}/2"])
async def test_number_inside_another_number_pays_nobodys_invoice(
    billing_svc: Harness, form: str
) -> None:
    await billing_svc.receives(a_signature(UPFRONT, contract_id=uuid4()))
    [issued] = await billing_svc.published(InvoiceIssued)
    answer = await pay(billing_svc, "", GROSS, payer="Else", remittance=form.format(issued.number))

    assert answer.json()[0]["unapplied"] == {"amount": GROSS.amount, "currency": "CNY"}
    assert await billing_svc.published(InvoicePaid) == []


@pytest.mark.parametrize("form", ["{}", " - ", "\n", " "])
async def test_number_in_any_case_and_line_breaking_pays_its_invoice(
    billing_svc: Harness, form: str
) -> None:
    await billing_svc.receives(a_signature(UPFRONT))
    [issued] = await billing_svc.published(InvoiceIssued)
    text = form.join(issued.number.lower().split("-")) if form != "{}" else issued.number.title()
    answer = await pay(billing_svc, "", GROSS, payer="Else", remittance=text)

    assert answer.json()[0]["unapplied"] is None
