"""Money: whole minor units, one currency, no cent lost."""

from __future__ import annotations

from decimal import Decimal

import pytest
from babel.numbers import get_currency_precision
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from contracts.currencies import EXPONENTS
from contracts.money import LIMIT, CurrencyMismatch, Money, NonNegativeMoney

amounts = st.builds(Money, st.integers(-(10**12), 10**12), st.sampled_from(sorted(EXPONENTS)))


class Priced(BaseModel):
    price: Money


@given(amounts, st.lists(st.integers(0, 1000), min_size=1, max_size=12).filter(any))
def test_the_parts_of_a_split_add_up_to_the_whole(money: Money, weights: list[int]) -> None:
    parts = money.split(*weights)

    assert len(parts) == len(weights)
    assert sum(part.minor for part in parts) == money.minor
    assert all(
        abs(p.minor - money.minor * w / sum(weights)) <= 1
        for p, w in zip(parts, weights, strict=True)
    )


@given(amounts)
def test_what_goes_on_the_wire_comes_back(money: Money) -> None:
    text = Priced(price=money).model_dump_json()

    assert Priced.model_validate_json(text).price == money


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_adding_and_taking_away_meet_again(one: int, other: int) -> None:
    first, second = Money(one, "CNY"), Money(other, "CNY")

    assert first + second - second == first


def test_minor_units_depend_on_the_currency() -> None:
    assert Money(123450, "CNY").amount == "1234.50"
    assert Money(1234, "JPY").amount == "1234"
    assert Money(-5, "KWD").amount == "-0.005"
    assert Money.parse("0.5", "BHD") == Money(500, "BHD")


@pytest.mark.parametrize("code", sorted(EXPONENTS))
def test_the_table_of_currencies_agrees_with_cldr(code: str) -> None:
    differing = {
        "AFN",
        "ALL",
        "IRR",
        "KPW",
        "LAK",
        "LBP",
        "MGA",
        "MMK",
        "SOS",
        "SYP",
        "YER",
        "RSD",
        "COP",
        "UYI",
        "IQD",
        "TZS",
        "UZS",
        "IDR",
        "HUF",
        "PKR",
        "STN",
        "MRU",
        "CRC",
        "GYD",
        "MUR",
        "NOK",
        "TMM",
        "CZK",
        "AMD",
        "HKD",
        "TWD",
        "KHR",
        "MNT",
        "CAD",
        "CHF",
        "DKK",
    }
    if get_currency_precision(code) != EXPONENTS[code]:
        assert code in differing, "ISO 4217 gives another exponent than CLDR's customary digits"


@pytest.mark.parametrize(
    ("amount", "currency", "names"),
    [
        ("1.005", "CNY", "amount"),
        ("1.5", "JPY", "amount"),
        ("1e3", "CNY", "amount"),
        ("NaN", "CNY", "amount"),
        ("٣", "CNY", "amount"),
        ("1,000.00", "CNY", "amount"),
        (" 1", "CNY", "amount"),
        (12.5, "CNY", "amount"),
        ("1.00", "XXX", "currency"),
        ("1.00", "cny", "currency"),
        (str(LIMIT), "CNY", "count"),
    ],
)
def test_bad_money_is_refused_with_the_field_named(
    amount: object, currency: str, names: str
) -> None:
    with pytest.raises(ValidationError, match=names):
        Priced.model_validate({"price": {"amount": amount, "currency": currency}})


def test_unknown_fields_of_money_are_refused() -> None:
    with pytest.raises(ValidationError, match="cents"):
        Priced.model_validate({"price": {"amount": "1.00", "currency": "CNY", "cents": 3}})


def test_currencies_do_not_mix() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1, "CNY") + Money(1, "USD")
    with pytest.raises(CurrencyMismatch):
        assert Money(1, "CNY") < Money(2, "USD")


def test_there_is_one_rounding_half_away_from_zero() -> None:
    assert Money(5, "CNY").scaled(Decimal("0.1")) == Money(1, "CNY")
    assert Money(-5, "CNY").scaled(Decimal("0.1")) == Money(-1, "CNY")
    assert Money(100_01, "CNY").percentage(Decimal(6)) == Money(6_00, "CNY")


def test_an_api_may_refuse_less_than_nothing() -> None:
    class Form(BaseModel):
        budget: NonNegativeMoney

    with pytest.raises(ValidationError, match="negative"):
        Form.model_validate({"budget": {"amount": "-1.00", "currency": "CNY"}})


def test_money_does_not_change() -> None:
    with pytest.raises(AttributeError):
        Money(1, "CNY").minor = 2
