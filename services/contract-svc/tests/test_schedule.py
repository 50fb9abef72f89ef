"""The payment schedule of a contract."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_svc.domain.schedule import ScheduleIncomplete, schedule
from contracts.money import Money
from contracts.terms import Instalment, PaymentTerms


@given(st.integers(0, 10**12), st.lists(st.integers(1, 99), min_size=1, max_size=6))
def test_schedule_instalments_add_up_to_the_contract(minor: int, cuts: list[int]) -> None:
    edges = [0, *sorted(set(cuts)), 100]
    parts = tuple(
        Instalment(percent=Decimal(b - a), due="on_signature") for a, b in itertools.pairwise(edges)
    )
    gross = Money(minor, "CNY")

    items = schedule(PaymentTerms(kind="instalments", instalments=parts), gross)

    assert Money.total((item.amount for item in items), "CNY") == gross
    assert [item.n for item in items] == list(range(1, len(parts) + 1))


def test_schedule_refuses_instalments_other_than_100_percent() -> None:
    parts = (Instalment(percent=Decimal(60), due="on_signature"),)

    with pytest.raises(ScheduleIncomplete):
        schedule(PaymentTerms(kind="instalments", instalments=parts), Money(100, "CNY"))


@pytest.mark.parametrize(
    ("kind", "due"), [("prepaid", "on_signature"), ("on_delivery", "on_delivery")]
)
def test_schedule_of_simple_terms_has_one_item(kind: str, due: str) -> None:
    [item] = schedule(PaymentTerms(kind=kind), Money(100, "CNY"))

    assert (item.due, item.amount) == (due, Money(100, "CNY"))
