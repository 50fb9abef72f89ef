"""A bank line with a provider's reference is a payout of captured money, no second payment."""

from __future__ import annotations

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
    report,
)

from contracts.billing import InvoicePaid, PaymentReceived, PaymentReturned
from contracts.money import Money
from contracts.terms import Prepayment
from testkit.harness import Harness

PREPAID = Prepayment(provider="alipay", reference="P-1", amount=GROSS, captured_at=NOW)
CENT = Money(1, "CNY")


def a_payout(amount: Money = GROSS, reference: str = "P-1", **changes: Any) -> dict[str, Any]:
    return a_line("", amount, reference, **{"payer": "Alipay", "remittance": None, **changes})


async def cash(billing_svc: Harness) -> dict[str, int]:
    books = await balances(billing_svc)
    return {name: books[name] for name in ("bank", "clearing:alipay") if name in books}


@pytest.mark.parametrize(
    "line", [a_payout(), a_payout(reference="X-1", remittance="payout of P-1, thanks")]
)
async def test_payout_moves_captured_money_to_the_bank_once(
    billing_svc: Harness, line: dict[str, Any]
) -> None:
    await billing_svc.receives(a_signature(UPFRONT, prepayment=PREPAID))
    spent = a_signature(UPFRONT, contract_id=uuid4(), prepayment=PREPAID)
    await billing_svc.receives(spent)
    assert await cash(billing_svc) == {"clearing:alipay": GROSS.minor}
    before = await billing_svc.said()

    first, again = await report(billing_svc, line), await report(billing_svc, line, line)

    assert [first.json()[0]["new"], again.json()[0]["new"]] == [True, False]
    assert await billing_svc.said() == before
    assert await cash(billing_svc) == {"bank": GROSS.minor}
    assert len(await billing_svc.published(InvoicePaid)) == 1
    await books_agree(billing_svc)


async def test_payout_without_the_fee_leaves_the_fee_with_the_provider(
    billing_svc: Harness,
) -> None:
    await billing_svc.receives(a_signature(UPFRONT, prepayment=PREPAID))
    await report(billing_svc, a_payout(GROSS - CENT))

    assert await cash(billing_svc) == {"bank": GROSS.minor - 1, "clearing:alipay": 1}


@pytest.mark.parametrize(
    "other",
    [
        a_payout(GROSS + CENT),
        a_payout(GROSS - CENT),
        a_payout(payer="Else"),
        a_payout(remittance="other"),
    ],
)
async def test_payout_with_other_content_is_refused(
    billing_svc: Harness, other: dict[str, Any]
) -> None:
    await billing_svc.receives(a_signature(UPFRONT, prepayment=PREPAID))
    await report(billing_svc, a_payout())
    answer = await report(billing_svc, other)

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:ltc:problem:other-content")
    assert await cash(billing_svc) == {"bank": GROSS.minor}


async def test_payout_of_more_than_was_captured_is_refused(billing_svc: Harness) -> None:
    await billing_svc.receives(a_signature(UPFRONT, prepayment=PREPAID))
    answer = await report(billing_svc, a_payout(GROSS + CENT))

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:ltc:problem:other-content")
    assert "no captured payments have 1060.02 CNY left" in answer.json()["detail"]


async def test_payment_of_the_rest_with_the_reference_in_its_text_is_no_payout(
    billing_svc: Harness,
) -> None:
    short = PREPAID.model_copy(update={"amount": Money(700_00, "CNY")})
    await billing_svc.receives(a_signature(UPFRONT, prepayment=short))
    rest = a_line("", GROSS - short.amount, "B-9", remittance="rest of P-1")
    assert (await report(billing_svc, rest)).json()[0]["unapplied"] is None

    assert len(await billing_svc.published(InvoicePaid)) == 1
    assert (await cash(billing_svc))["clearing:alipay"] == short.amount.minor


@pytest.mark.parametrize("paid_out", [GROSS, GROSS - CENT, None])
async def test_return_of_a_prepayment_takes_the_money_from_where_it_lies(
    billing_svc: Harness, paid_out: Money | None
) -> None:
    await billing_svc.receives(a_signature(UPFRONT, prepayment=PREPAID))
    if paid_out is not None:
        await report(billing_svc, a_payout(paid_out))
    answer = await report(billing_svc, a_line("", GROSS, "OUT-1", returns="P-1"))

    assert answer.status_code == 200, answer.text
    assert len(await billing_svc.published(PaymentReturned)) == 1
    assert await cash(billing_svc) == {}
    await books_agree(billing_svc)


async def test_payout_and_return_in_one_statement(billing_svc: Harness) -> None:
    await billing_svc.receives(a_signature(UPFRONT, prepayment=PREPAID))
    back = a_line("", GROSS, "OUT-1", returns="P-1")
    answer = await report(billing_svc, back, a_payout())

    assert [line["new"] for line in answer.json()] == [True, True]
    assert await cash(billing_svc) == {}


async def test_return_with_several_payments_of_its_reference_names_them(
    billing_svc: Harness,
) -> None:
    await billing_svc.receives(a_signature(UPFRONT, prepayment=PREPAID))
    stripe = PREPAID.model_copy(update={"provider": "stripe"})
    await billing_svc.receives(a_signature(UPFRONT, contract_id=uuid4(), prepayment=stripe))
    back = a_line("", GROSS, "OUT-1", returns="P-1")
    unclear = await report(billing_svc, back)
    clear = await report(billing_svc, {**back, "returns": "stripe:P-1"})
    again = await report(billing_svc, {**back, "returns": "stripe:P-1"}, back)

    assert unclear.json()["type"] == "urn:ltc:problem:unknown-payment"
    assert "alipay:P-1" in unclear.json()["detail"]
    assert "stripe:P-1" in unclear.json()["detail"]
    assert clear.json()[0]["new"] is True
    assert [line["new"] for line in again.json()] == [False, False]
    assert (await balances(billing_svc))["clearing:alipay"] == GROSS.minor
    assert len(await billing_svc.published(PaymentReceived)) == 2
    await books_agree(billing_svc)
