"""Returned payments, credit notes, and journeys that end early."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from billing_builders import (
    CONTRACT,
    GROSS,
    NET,
    NOW,
    TAX,
    UPFRONT,
    a_cancellation,
    a_delivery,
    a_fulfilment,
    a_line,
    a_signature,
    an_end,
    balances,
    books_agree,
    money,
    pay,
    post,
    report,
)

from billing_svc.commands.invoice import invoice_id_of
from contracts.billing import (
    InvoiceCredited,
    InvoiceIssued,
    InvoicePaid,
    JourneySettled,
    PaymentReturned,
    PaymentUnallocated,
)
from contracts.money import Money
from contracts.terms import Instalment, PaymentTerms, Prepayment, ScheduleItem
from testkit.harness import Harness

INVOICE = invoice_id_of(CONTRACT, 1)
PREPAID = Prepayment(provider="alipay", reference="P-1", amount=GROSS, captured_at=NOW)


async def credit(
    client: httpx.AsyncClient, form: dict[str, Any], path: str = f"/invoices/{INVOICE}/credit-note"
) -> httpx.Response:
    seen = (await client.get(f"/invoices/{INVOICE}")).headers["ETag"]
    return await post(client, path, form, If_Match=seen)


async def gates(billing_svc: Harness) -> list[str]:
    rows = await billing_svc.rows("SELECT name FROM gate WHERE cleared_at IS NULL ORDER BY name")
    return [name for (name,) in rows]


async def test_payment_returned_by_the_bank_reopens_the_invoice(
    billing_svc: Harness,
) -> None:
    await billing_svc.receives(a_signature(UPFRONT), a_fulfilment())
    [issued] = await billing_svc.published(InvoiceIssued)
    await pay(billing_svc, issued.number, GROSS)
    assert len(await billing_svc.published(JourneySettled)) == 1

    back = a_line("", GROSS, "B-2", returns="B-1", remittance="insufficient funds")
    first, again = await report(billing_svc, back), await report(billing_svc, back)
    assert first.status_code == 200, first.text

    assert [first.json()[0]["new"], again.json()[0]["new"]] == [True, False]
    [taken] = await billing_svc.published(PaymentUnallocated)
    [returned] = await billing_svc.published(PaymentReturned)
    assert [part.outstanding for part in taken.allocations] == [GROSS]
    assert (returned.amount, returned.bank_reference) == (GROSS, "B-2")
    assert await balances(billing_svc) == {
        "receivable": GROSS.minor,
        "revenue": -NET.minor,
        "tax_payable": -TAX.minor,
    }
    await books_agree(billing_svc)
    assert await gates(billing_svc) == ["payment"]

    await pay(billing_svc, issued.number, GROSS, "B-3")
    assert len(await billing_svc.published(InvoicePaid)) == 2
    assert len(await billing_svc.published(JourneySettled)) == 2
    assert await gates(billing_svc) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"returns": "B-9"}, "unknown-payment"),
        ({"amount": money(GROSS + Money(1, "CNY"))}, "other-content"),
        ({"amount": {"amount": "1.00", "currency": "EUR"}}, "other-content"),
    ],
)
async def test_payment_return_that_is_impossible_is_refused(
    billing_svc: Harness, changes: dict[str, Any], problem: str
) -> None:
    await pay(billing_svc, "nobody", GROSS)
    before = await billing_svc.said()

    refused = await report(billing_svc, {**a_line("", GROSS, "B-2", returns="B-1"), **changes})

    assert refused.status_code == 422
    assert refused.json()["type"] == f"urn:ltc:problem:{problem}"
    assert await billing_svc.said() == before


async def test_credit_note_in_full_closes_an_unpaid_invoice(billing_svc: Harness) -> None:
    await billing_svc.receives(a_signature(), a_delivery(3), a_fulfilment())
    form = {"reason": "goodwill", "approved_by": "the boss"}
    async with billing_svc.client("finance") as finance:
        answer = await credit(finance, form)

    assert answer.json()["status"] == "credited"
    [credited] = await billing_svc.published(InvoiceCredited)
    [settled] = await billing_svc.published(JourneySettled)
    assert (credited.amount, credited.reason) == (GROSS, "goodwill")
    assert (settled.credited, settled.paid, settled.earned) == (
        GROSS,
        Money(0, "CNY"),
        Money(0, "CNY"),
    )
    assert await balances(billing_svc) == {}
    await books_agree(billing_svc)
    assert await gates(billing_svc) == []


async def test_credit_note_of_a_paid_invoice_frees_its_money(
    billing_svc: Harness,
) -> None:
    await billing_svc.receives(a_signature(), a_delivery(3), a_fulfilment())
    [issued] = await billing_svc.published(InvoiceIssued)
    await pay(billing_svc, issued.number, GROSS)
    part = Money(106_00, "CNY")
    async with billing_svc.client("finance") as finance:
        answer = await credit(finance, {"reason": "scratched", "amount": money(part)})
        payment = (await finance.get("/payments")).json()["items"][0]

    assert answer.json()["status"] == "paid"
    assert (payment["status"], await gates(billing_svc)) == ("partly_allocated", ["unapplied"])
    await books_agree(billing_svc)

    refund = await report(billing_svc, a_line("", part, "OUT-1", returns="B-1"))
    assert refund.json()[0]["unapplied"] is None
    assert await gates(billing_svc) == []
    assert len(await billing_svc.published(PaymentUnallocated)) == 1
    settled = (await billing_svc.published(JourneySettled))[-1]
    assert settled.paid == GROSS - part
    books = await balances(billing_svc)
    assert books.keys() == {"bank", "revenue", "tax_payable"}
    assert books["bank"] == (GROSS - part).minor
    assert books["revenue"] == -settled.earned.minor
    await books_agree(billing_svc)


async def test_credit_note_replaces_a_wrong_invoice(billing_svc: Harness) -> None:
    await billing_svc.receives(a_signature(), a_delivery(3), a_fulfilment())
    form = {"reason": "wrong address", "again": True, "approved_by": "the boss"}
    async with billing_svc.client("finance") as finance:
        answer = await credit(finance, form)

    assert answer.status_code == 200, answer.text
    [first, second] = await billing_svc.published(InvoiceIssued)
    assert (first.totals, first.schedule_item) == (second.totals, second.schedule_item)
    assert await billing_svc.published(JourneySettled) == []
    await pay(billing_svc, second.number, GROSS)
    [settled] = await billing_svc.published(JourneySettled)
    assert (settled.invoiced, settled.credited, settled.paid) == (GROSS + GROSS, GROSS, GROSS)
    await books_agree(billing_svc)


@pytest.mark.parametrize("terminated", [False, True])
async def test_cancelled_prepaid_order_is_credited_and_refunded(
    billing_svc: Harness, *, terminated: bool
) -> None:
    await billing_svc.receives(a_signature(UPFRONT, prepayment=PREPAID))
    await billing_svc.receives(a_delivery(1), a_cancellation(2, 1), a_fulfilment(1))
    if terminated:
        await billing_svc.receives(an_end(), times=2)
    assert await gates(billing_svc) == ["credit_due"]
    assert await billing_svc.published(JourneySettled) == []

    path = f"/billing-accounts/{CONTRACT}/credit-notes"
    async with billing_svc.client("finance") as finance:
        answer = await post(finance, path, {"reason": "cancelled"})
        nothing = await post(finance, path, {"reason": "cancelled", "approved_by": "x"})

    assert answer.json()["status"] == "settled", answer.text
    assert nothing.status_code == 409
    [settled] = await billing_svc.published(JourneySettled)
    third = Money(333_33 + 20_00, "CNY")
    assert (settled.paid, settled.credited, settled.earned) == (
        third,
        GROSS - third,
        Money(333_33, "CNY"),
    )
    assert await gates(billing_svc) == ["unapplied"]
    await report(billing_svc, a_line("", GROSS - third, "OUT-1", returns="P-1"))
    assert await gates(billing_svc) == []
    books = await balances(billing_svc)
    assert books == {"clearing:alipay": third.minor, "revenue": -333_33, "tax_payable": -20_00}
    await books_agree(billing_svc)


def instalments(*shares: tuple[int, str, int]) -> dict[str, Any]:
    parts = GROSS.split(*(share for share, _, _ in shares))
    terms = tuple(Instalment(percent=p, due=due, days=days) for p, due, days in shares)
    return {
        "payment_terms": PaymentTerms(kind="instalments", instalments=terms),
        "schedule": tuple(
            ScheduleItem(n=n, due=due, days=days, amount=amount)
            for n, ((_, due, days), amount) in enumerate(zip(shares, parts, strict=True), start=1)
        ),
    }


async def test_instalment_of_a_cancelled_part_is_not_invoiced(billing_svc: Harness) -> None:
    terms = instalments((40, "on_signature", 0), (60, "days_after_signature", 0))
    await billing_svc.receives(a_signature(**terms), a_cancellation(1), a_fulfilment(2))
    assert await billing_svc.tick("charge_instalments") == 1
    assert await billing_svc.tick("charge_instalments") == 0

    issued = await billing_svc.published(InvoiceIssued)
    owed = Money(666_66 + 40_00, "CNY")
    assert Money.total((i.totals.gross for i in issued), "CNY") == owed
    for n, invoice in enumerate(issued):
        await pay(billing_svc, invoice.number, invoice.totals.gross, f"B-{n}")
    [settled] = await billing_svc.published(JourneySettled)
    assert (settled.paid, settled.earned) == (owed, Money(666_66, "CNY"))
    await books_agree(billing_svc)


async def test_instalment_without_a_remaining_amount_is_written_off(billing_svc: Harness) -> None:
    terms = instalments((60, "on_signature", 0), (40, "days_after_signature", 0))
    await billing_svc.receives(a_signature(**terms), a_cancellation(3), a_fulfilment(0))
    assert await billing_svc.tick("charge_instalments") == 1
    assert await billing_svc.tick("charge_instalments") == 0
    assert await gates(billing_svc) == ["credit_due", "payment"]

    async with billing_svc.client("finance") as finance:
        path = f"/billing-accounts/{CONTRACT}/credit-notes"
        answer = await post(finance, path, {"reason": "cancelled"})

    assert answer.json()["status"] == "settled", answer.text
    assert len(await billing_svc.published(InvoiceIssued)) == 1
    assert await balances(billing_svc) == {}
    assert await gates(billing_svc) == []


async def test_credit_note_above_the_limit_needs_a_second_person(billing_svc: Harness) -> None:
    await billing_svc.receives(a_signature(), a_delivery(3), a_fulfilment())
    async with billing_svc.client("finance", sub="u-1", name="Ada") as finance:
        for second in (None, "u-1", "Ada"):
            alone = await credit(finance, {"reason": "x", "approved_by": second})
            assert alone.status_code == 403
        stale = await post(
            finance, f"/invoices/{INVOICE}/credit-note", {"reason": "x"}, If_Match='"v99"'
        )
        blind = await post(finance, f"/invoices/{INVOICE}/credit-note", {"reason": "x"})
        too_much = await credit(
            finance,
            {"reason": "x", "amount": money(GROSS + GROSS), "approved_by": "the boss"},
        )

    assert (stale.status_code, blind.status_code, too_much.status_code) == (412, 428, 409)
    assert await billing_svc.published(InvoiceCredited) == []
