"""Invoices and payments on real PostgreSQL, in any order and with repetition."""

from __future__ import annotations

from uuid import UUID, uuid4

from billing_builders import (
    CONTRACT,
    GROSS,
    NET,
    NOW,
    UPFRONT,
    a_delivery,
    a_fulfilment,
    a_signature,
    books_agree,
    pay,
)

from billing_svc.commands.invoice import invoice_id_of
from contracts.billing import InvoiceIssued, InvoicePaid, JourneySettled, PaymentAllocated
from contracts.ids import LeadId
from contracts.journey import BILLING_GATES
from contracts.money import Money
from contracts.terms import Prepayment
from testkit.harness import Harness


async def test_invoice_of_partial_deliveries_adds_up_to_the_cent(billing_svc: Harness) -> None:
    await billing_svc.receives(a_signature())
    for delivered in (1, 2, 3):
        await billing_svc.receives(a_delivery(delivered), times=2)
    await billing_svc.receives(a_fulfilment())

    issued = await billing_svc.published(InvoiceIssued)
    assert len(issued) == 3
    assert Money.total((i.totals.gross for i in issued), "CNY") == GROSS
    for n, invoice in enumerate(issued):
        answer = await pay(billing_svc, invoice.number, invoice.totals.gross, f"B-{n}")
        assert answer.status_code == 200, answer.text
    [settled] = await billing_svc.published(JourneySettled)
    assert (settled.invoiced, settled.paid, settled.earned) == (GROSS, GROSS, NET)
    await books_agree(billing_svc)


async def test_billing_parks_deliveries_until_their_contract_arrives(billing_svc: Harness) -> None:
    await billing_svc.receives(a_delivery(3))
    await billing_svc.receives(a_fulfilment())
    assert await billing_svc.said() == []

    await billing_svc.receives(a_signature())
    await billing_svc.retry_parked()

    [issued] = await billing_svc.published(InvoiceIssued)
    assert issued.totals.gross == GROSS
    assert await billing_svc.rows("SELECT count(*) FROM parked_message") == [(0,)]


async def test_prepayment_confirmed_is_cash_and_settles_with_the_delivery(
    billing_svc: Harness,
) -> None:
    paid = Prepayment(provider="alipay", reference="P-1", amount=GROSS, captured_at=NOW)
    await billing_svc.receives(a_signature(UPFRONT, prepayment=paid), times=2)
    await billing_svc.receives(a_fulfilment(), times=2)

    assert await billing_svc.said() == [
        "ltc.payment.received.v1",
        "ltc.invoice.issued.v1",
        "ltc.payment.allocated.v1",
        "ltc.invoice.paid.v1",
        "ltc.prepayment.confirmed.v1",
        "ltc.journey.settled.v1",
    ]
    await books_agree(billing_svc)


async def test_statement_line_reported_twice_is_one_payment(
    billing_svc: Harness,
) -> None:
    await billing_svc.receives(a_signature(), a_fulfilment())
    [invoice] = await billing_svc.published(InvoiceIssued)
    first = await pay(billing_svc, invoice.number, GROSS)
    again = await pay(billing_svc, invoice.number, GROSS)
    other = await pay(billing_svc, invoice.number, Money(1, "CNY"))

    assert [first.json()[0]["new"], again.json()[0]["new"]] == [True, False]
    assert other.status_code == 422
    assert len(await billing_svc.published(PaymentAllocated)) == 1
    assert len(await billing_svc.published(InvoicePaid)) == 1


async def test_payment_without_a_match_waits_for_finance(billing_svc: Harness) -> None:
    await billing_svc.receives(a_signature(), a_fulfilment())
    answer = await pay(billing_svc, "nothing we know", Money(500_00, "CNY"))
    payment_id = answer.json()[0]["payment_id"]
    invoice_id = str(invoice_id_of(CONTRACT, 1))
    async with billing_svc.client("finance") as finance:
        form = {"invoice_id": invoice_id, "amount": {"amount": "600.00", "currency": "CNY"}}
        path = f"/payments/{payment_id}/allocations"
        keyless = await finance.post(path, json=form)
        too_much = await finance.post(path, json=form, headers={"Idempotency-Key": "a"})
        form["amount"] = {"amount": "500.00", "currency": "CNY"}
        done = await finance.post(path, json=form, headers={"Idempotency-Key": "b"})
        again = await finance.post(path, json=form, headers={"Idempotency-Key": "b"})
        other = await finance.post(
            path, json={**form, "invoice_id": str(uuid4())}, headers={"Idempotency-Key": "b"}
        )

    assert keyless.status_code == 400
    assert too_much.status_code == 422
    assert done.json()["status"] == "allocated"
    assert again.content == done.content
    assert again.headers["idempotency-replayed"] == "true"
    assert other.status_code == 422
    await books_agree(billing_svc)


async def test_journey_settled_event_names_its_lead(billing_svc: Harness) -> None:
    lead = LeadId(UUID(int=9))
    await billing_svc.receives(a_signature(UPFRONT, lead_id=lead), a_fulfilment())
    [issued] = await billing_svc.published(InvoiceIssued)
    await pay(billing_svc, issued.number, GROSS)

    [settled] = await billing_svc.published(JourneySettled)
    assert settled.lead_id == lead


async def test_payment_gate_overdue_is_published_once(
    billing_svc: Harness,
) -> None:
    await billing_svc.receives(a_signature(UPFRONT))

    assert await billing_svc.let_gates_lapse() == 1
    assert await billing_svc.let_gates_lapse() == 0
    [overdue] = await billing_svc.published(BILLING_GATES.overdue)
    assert (overdue.gate, overdue.overdue_for_s > 0) == ("payment", True)


async def test_statement_that_is_refused_stores_nothing(billing_svc: Harness) -> None:
    async with billing_svc.client("integration_bank") as bank:
        for amount in (
            {"amount": "-1.00", "currency": "CNY"},
            {"amount": "1.001", "currency": "CNY"},
            {"amount": "1.00", "currency": "ZZZ"},
            12.5,
        ):
            line = {"bank_reference": "x", "amount": amount, "booked_at": NOW.isoformat()}
            answer = await bank.post(
                "/bank-statements", json={"lines": [line]}, headers={"Idempotency-Key": uuid4().hex}
            )
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["pointer"].startswith("/body/lines/0/amount")

    assert await billing_svc.said() == []
