"""Nothing to pay: it is not invoiced, and nothing waits for it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from billing_builders import (
    CONTRACT,
    GROSS,
    NOW,
    UPFRONT,
    a_cancellation,
    a_delivery,
    a_fulfilment,
    a_signature,
    books_agree,
    pay,
    post,
)

from billing_svc.commands.invoice import invoice_id_of
from contracts.billing import InvoiceIssued, JourneySettled
from contracts.contract import ContractSigned
from contracts.money import Money
from contracts.terms import ImportedOutcome, PaymentTerms, PricedLine, ScheduleItem, Totals
from testkit.harness import Harness

INVOICE = invoice_id_of(CONTRACT, 1)
ZERO = Money.zero("CNY")
CENT = Money(1, "CNY")
FREE = {
    "prepaid": ("on_signature",),
    "on_delivery": ("on_delivery",),
    "instalments": ("on_signature", "days_after_signature", "on_delivery"),
}
RECORD = ImportedOutcome(source_system="crm", external_id="free-1", agreed=ZERO, closed_at=NOW)


def items(*parts: tuple[str, Money]) -> tuple[ScheduleItem, ...]:
    return tuple(ScheduleItem(n=n, due=due, amount=sum_) for n, (due, sum_) in enumerate(parts, 1))


def a_contract_of(gross: Money, *schedule: ScheduleItem, **changes: object) -> ContractSigned:
    line = PricedLine(
        line_no=1,
        sku="HW",
        name="Gateway",
        kind="goods",
        quantity=3,
        list_price=GROSS,
        discount_percent=Decimal(100),
        net=gross,
        tax_percent=Decimal(6),
        tax=ZERO,
    )
    totals = Totals(net=gross, tax=ZERO, gross=gross)
    return a_signature(*schedule, lines=(line,), totals=totals, **changes)


async def open_gates(billing_svc: Harness) -> list[str]:
    rows = await billing_svc.rows("SELECT name FROM gate WHERE cleared_at IS NULL")
    return [name for (name,) in rows]


@pytest.mark.parametrize("kind", FREE)
@pytest.mark.parametrize("record", [None, RECORD])
async def test_contract_of_zero_settles_without_an_invoice(
    billing_svc: Harness, kind: str, record: ImportedOutcome | None
) -> None:
    schedule = items(*((due, ZERO) for due in FREE[kind]))
    terms = PaymentTerms(kind=kind)
    signed = a_contract_of(ZERO, *schedule, payment_terms=terms, imported=record)
    await billing_svc.receives(signed, times=2)
    await billing_svc.tick("charge_instalments")
    await billing_svc.receives(a_delivery(1), a_delivery(3), a_fulfilment(), times=2)

    assert await billing_svc.said() == ["ltc.journey.settled.v1"]
    [settled] = await billing_svc.published(JourneySettled)
    assert (settled.contracted, settled.invoiced, settled.paid) == (ZERO, ZERO, ZERO)
    assert await open_gates(billing_svc) == []


@pytest.mark.parametrize(
    "schedule",
    [
        items(("on_signature", ZERO), ("days_after_signature", ZERO), ("on_delivery", CENT)),
        items(("on_signature", CENT), ("days_after_signature", ZERO), ("on_delivery", ZERO)),
        items(("on_signature", ZERO), ("days_after_signature", CENT), ("on_delivery", ZERO)),
        items(("on_delivery", CENT)),
    ],
)
async def test_instalments_of_zero_beside_a_cent_are_not_invoiced(
    billing_svc: Harness, schedule: tuple[ScheduleItem, ...]
) -> None:
    await billing_svc.receives(a_contract_of(CENT, *schedule))
    await billing_svc.tick("charge_instalments")
    for delivered in (1, 2, 3):
        await billing_svc.receives(a_delivery(delivered))
    await billing_svc.receives(a_fulfilment())

    [issued] = await billing_svc.published(InvoiceIssued)
    assert issued.totals.gross == CENT
    assert (await pay(billing_svc, issued.number, CENT)).is_success
    assert len(await billing_svc.published(JourneySettled)) == 1
    assert await open_gates(billing_svc) == []
    await books_agree(billing_svc)


async def test_cancelled_contract_of_zero_settles(billing_svc: Harness) -> None:
    schedule = items(("on_signature", ZERO), ("on_delivery", ZERO))
    await billing_svc.receives(a_contract_of(ZERO, *schedule))
    await billing_svc.receives(a_cancellation(3), a_fulfilment(0))
    async with billing_svc.client("finance") as finance:
        path = f"/billing-accounts/{CONTRACT}/credit-notes"
        nothing = await post(finance, path, {"reason": "no need"})

    assert nothing.status_code == 409
    assert await billing_svc.said() == ["ltc.journey.settled.v1"]
    assert await open_gates(billing_svc) == []


@pytest.mark.parametrize("path", ["credit-note", "allocations"])
async def test_amount_in_another_currency_is_refused(billing_svc: Harness, path: str) -> None:
    await billing_svc.receives(a_signature(UPFRONT))
    paid = (await pay(billing_svc, "unknown", CENT)).json()[0]["payment_id"]
    before = await billing_svc.said()
    dollar = {"amount": "0.01", "currency": "USD"}
    async with billing_svc.client("finance") as finance:
        seen = (await finance.get(f"/invoices/{INVOICE}")).headers["ETag"]
        if path == "credit-note":
            form = {"amount": dollar, "reason": "x"}
            answer = await post(finance, f"/invoices/{INVOICE}/credit-note", form, If_Match=seen)
        else:
            form = {"amount": dollar, "invoice_id": str(INVOICE)}
            answer = await post(finance, f"/payments/{paid}/allocations", form)

    assert answer.status_code == 422, answer.text
    assert answer.json()["type"] == "urn:ltc:problem:currency-mismatch"
    assert "CNY" in answer.json()["detail"]
    assert "USD" in answer.json()["detail"]
    assert await billing_svc.said() == before
