"""Instalments: invoices follow the contract's schedule to the cent."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from billing_svc.domain.account import BilledLine, BillingAccount
from contracts.ids import AccountId, DealId
from contracts.money import Money
from contracts.parties import Account
from contracts.terms import PaymentTerms, ScheduleItem, Totals

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def cny(minor: int) -> Money:
    return Money(minor, "CNY")


def an_account(lines: list[tuple[int, int]], weights: list[int]) -> BillingAccount:
    net = Money.total((cny(n) for n, _ in lines), "CNY")
    tax = Money.total((cny(t) for _, t in lines), "CNY")
    parts = (net + tax).split(*weights)
    return BillingAccount(
        id=UUID(int=1),
        journey_id=UUID(int=2),
        number="C-1",
        contract_number="C-1",
        deal_id=DealId(UUID(int=3)),
        lead_id=None,
        account=Account(account_id=AccountId(UUID(int=4)), name="Acme"),
        legal_entity="LTC-CN",
        lines=tuple(
            BilledLine(line_no=n, name=f"line {n}", ordered=1, net=cny(a), tax=cny(b))
            for n, (a, b) in enumerate(lines, start=1)
        ),
        totals=Totals(net=net, tax=tax, gross=net + tax),
        payment_terms=PaymentTerms(kind="instalments"),
        schedule=tuple(
            ScheduleItem(n=n, due="on_delivery", amount=amount)
            for n, amount in enumerate(parts, start=1)
        ),
        recognised=cny(0),
        signed_at=NOW,
        last_fact_at=NOW,
    )


def test_instalment_invoices_of_three_thirds_equal_the_signed_schedule() -> None:
    account = an_account([(2240_00, 291_20), (3000_00, 180_00)], [3333, 3333, 3334])
    assert [item.amount for item in account.schedule] == [cny(1903_54), cny(1903_54), cny(1904_12)]
    for item in account.schedule:
        lines = account.item_lines(item)
        assert Money.total((line.net + line.tax for line in lines), "CNY") == item.amount


@given(
    lines=st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**8)), min_size=1, max_size=6),
    weights=st.lists(st.integers(0, 10_000), min_size=1, max_size=8).filter(any),
)
def test_instalment_items_and_lines_both_add_up(
    lines: list[tuple[int, int]], weights: list[int]
) -> None:
    account = an_account(lines, weights)
    billed = {n: [0, 0] for n in range(1, len(lines) + 1)}
    for item in account.schedule:
        parts = account.item_lines(item)
        assert sum(p.net.minor + p.tax.minor for p in parts) == item.amount.minor
        for part in parts:
            assert min(part.net.minor, part.tax.minor) >= 0
            billed[part.line_no][0] += part.net.minor
            billed[part.line_no][1] += part.tax.minor
    assert list(billed.values()) == [list(line) for line in lines]
