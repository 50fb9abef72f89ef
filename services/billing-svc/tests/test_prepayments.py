"""Billing decides whether a prepayment counts, once, and publishes it."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from billing_builders import (
    CONTRACT,
    GROSS,
    NOW,
    UPFRONT,
    a_fulfilment,
    a_line,
    a_signature,
    balances,
    books_agree,
    pay,
    report,
)

from contracts.billing import (
    InvoiceIssued,
    InvoicePaid,
    JourneySettled,
    PaymentReceived,
    PrepaymentConfirmed,
    PrepaymentRefused,
)
from contracts.money import Money
from contracts.terms import PaymentTerms, Prepayment, ScheduleItem
from testkit.harness import Harness

PREPAID = Prepayment(provider="alipay", reference="P-1", amount=GROSS, captured_at=NOW)
CENT = Money(1, "CNY")
OTHER = UUID(int=77)


def a_claim(contract: UUID = CONTRACT, **changes: Any) -> Any:
    terms = PaymentTerms(kind="prepaid")
    prepayment = PREPAID.model_copy(update=changes)
    return a_signature(UPFRONT, contract_id=contract, prepayment=prepayment, payment_terms=terms)


async def decisions(billing_svc: Harness, contract: UUID = CONTRACT) -> list[str]:
    """What was decided of a contract's prepayment."""
    confirmed = await billing_svc.published(PrepaymentConfirmed)
    refused = await billing_svc.published(PrepaymentRefused)
    return [
        *("confirmed" for fact in confirmed if fact.contract_id == contract),
        *(fact.reason for fact in refused if fact.contract_id == contract),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"amount": GROSS + CENT},
        {"provider": "Alipay "},
        {"reference": " P-1\u200b"},
    ],
)
async def test_prepayment_that_counts_is_confirmed_once(
    billing_svc: Harness, changes: dict[str, Any]
) -> None:
    await billing_svc.receives(a_claim(**changes), times=2)
    await billing_svc.receives(a_fulfilment())

    [confirmed] = await billing_svc.published(PrepaymentConfirmed)
    assert (confirmed.reference, confirmed.due) == ("P-1", GROSS)
    assert confirmed.evidence.reference == "policy:cash@0 P-1"
    assert await decisions(billing_svc) == ["confirmed"]
    assert len(await billing_svc.published(JourneySettled)) == 1
    await books_agree(billing_svc)


@pytest.mark.parametrize(
    ("changes", "reason", "says", "booked"),
    [
        ({"amount": CENT}, "amount_too_small", "0.01 CNY was captured, and 1060.01 CNY", CENT),
        ({"amount": GROSS - CENT}, "amount_too_small", "1060.00 CNY was", GROSS - CENT),
        ({"provider": "nobody"}, "provider_not_trusted", "nobody is no trusted provider", None),
        ({"provider": "bank"}, "provider_not_trusted", "bank is no trusted provider", None),
        ({"provider": "Imported"}, "provider_not_trusted", "is no trusted provider", None),
        (
            {"amount": Money(GROSS.minor, "USD")},
            "other_currency",
            "1060.01 USD was captured, and 1060.01 CNY",
            Money(GROSS.minor, "USD"),
        ),
    ],
)
async def test_prepayment_that_does_not_count_is_refused_once(
    billing_svc: Harness, changes: dict[str, Any], reason: str, says: str, booked: Money | None
) -> None:
    await billing_svc.receives(a_claim(**changes), times=2)

    [refused] = await billing_svc.published(PrepaymentRefused)
    assert (refused.reason, refused.due) == (reason, GROSS)
    assert says in refused.detail
    assert await decisions(billing_svc) == [reason]
    received = await billing_svc.published(PaymentReceived)
    assert [payment.amount for payment in received] == ([] if booked is None else [booked])
    assert await billing_svc.published(InvoicePaid) == []
    rows = await billing_svc.rows("SELECT name FROM gate WHERE cleared_at IS NULL ORDER BY name")
    waits = [name for (name,) in rows]
    assert waits == (["payment", "unapplied"] if reason == "other_currency" else ["payment"])

    [issued] = await billing_svc.published(InvoiceIssued)
    left = GROSS
    if reason == "amount_too_small" and booked is not None:
        left = GROSS - booked
    await pay(billing_svc, issued.number, left, "B-9")
    assert len(await billing_svc.published(InvoicePaid)) == 1
    await books_agree(billing_svc)


@pytest.mark.parametrize("surplus", [Money(0, "CNY"), GROSS])
@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("again", [{}, {"amount": GROSS + GROSS}, {"provider": "ALIPAY"}])
async def test_prepayment_with_a_spent_reference_is_refused(
    billing_svc: Harness, surplus: Money, again: dict[str, Any], *, together: bool
) -> None:
    first, second = a_claim(amount=GROSS + surplus), a_claim(OTHER, **again)
    if together:
        await billing_svc.receives(first, second)
    else:
        await billing_svc.receives(first)
        await billing_svc.receives(a_fulfilment())
        await billing_svc.receives(second, times=2)

    assert await decisions(billing_svc) == ["confirmed"]
    assert await decisions(billing_svc, OTHER) == ["reference_spent"]
    assert len(await billing_svc.published(PaymentReceived)) == 1
    assert len(await billing_svc.published(InvoicePaid)) == 1
    await books_agree(billing_svc)


@pytest.mark.parametrize("provider", ["alipay", "nobody"])
@pytest.mark.parametrize("amount", [GROSS, CENT])
async def test_prepayment_that_the_bank_reported_before_counts_by_its_line(
    billing_svc: Harness, provider: str, amount: Money
) -> None:
    line = a_line("", amount, "P-1", remittance=None, payer="Alipay")
    assert (await report(billing_svc, line)).is_success
    await billing_svc.receives(a_claim(provider=provider))
    again = await report(billing_svc, line)

    counts = amount == GROSS
    assert await decisions(billing_svc) == ["confirmed" if counts else "amount_too_small"]
    assert again.json()[0]["new"] is False
    assert len(await billing_svc.published(PaymentReceived)) == 1
    assert (await balances(billing_svc))["bank"] == amount.minor
    if counts:
        [confirmed] = await billing_svc.published(PrepaymentConfirmed)
        assert confirmed.evidence.method == "bank"
    await books_agree(billing_svc)


async def test_prepayment_of_what_is_not_due_yet_waits_as_unapplied_money(
    billing_svc: Harness,
) -> None:
    later = ScheduleItem(n=1, due="on_delivery", amount=GROSS)
    await billing_svc.receives(a_signature(later, prepayment=PREPAID))

    assert await decisions(billing_svc) == ["confirmed"]
    rows = await billing_svc.rows("SELECT name FROM gate WHERE cleared_at IS NULL")
    assert rows == [("unapplied",)]
    await books_agree(billing_svc)


async def test_contract_without_a_prepayment_has_no_decision(billing_svc: Harness) -> None:
    await billing_svc.receives(a_signature(UPFRONT))

    assert await decisions(billing_svc) == []


@pytest.mark.parametrize(
    ("claim", "paid", "decided"),
    [
        ({}, False, "confirmed"),
        ({"provider": "nobody"}, False, "provider_not_trusted"),
        ({"provider": "nobody"}, True, "confirmed"),
        (None, False, None),
    ],
)
async def test_account_of_an_older_version_is_decided_once(
    billing_svc: Harness, claim: dict[str, Any] | None, decided: str | None, *, paid: bool
) -> None:
    await billing_svc.receives(a_signature(UPFRONT) if claim is None else a_claim(**claim))
    if paid:
        [issued] = await billing_svc.published(InvoiceIssued)
        await pay(billing_svc, issued.number, GROSS, "B-9")
    before = await decisions(billing_svc)
    await billing_svc.execute(
        "UPDATE billing_account SET body = body - 'prepayment_counts',"
        " prepayment_undecided = DEFAULT"
    )
    told = [await billing_svc.tick("decide_prepayments") for _ in range(2)]

    assert told == [1, 0]
    assert await decisions(billing_svc) == sorted([*before, *([decided] if decided else [])])
    assert await billing_svc.rows("SELECT prepayment_undecided FROM billing_account") == [(False,)]


async def test_two_accounts_with_one_reference_are_decided_one_after_the_other(
    billing_svc: Harness,
) -> None:
    claims = [a_claim(uuid4()) for _ in range(4)]
    await billing_svc.receives(*claims)

    assert len(await billing_svc.published(PrepaymentConfirmed)) == 1
    assert len(await billing_svc.published(PrepaymentRefused)) == 3
