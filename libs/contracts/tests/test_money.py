"""Money: splits lose no minor unit, currencies do not mix, unclear amounts are refused."""

from __future__ import annotations

import copy
import pickle
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from babel import Locale
from babel.numbers import get_currency_precision, list_currencies
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from contracts.currencies import EXPONENTS
from contracts.deal import ProposalRequested
from contracts.event import Event
from contracts.lead import LeadQualified
from contracts.money import (
    LIMIT,
    CurrencyMismatch,
    Money,
    NonNegativeMoney,
    PositiveMoney,
)
from contracts.samples import sample

CODES = st.sampled_from(sorted(EXPONENTS))
MINOR = st.integers(-LIMIT, LIMIT)
SMALL = st.integers(-(10**12), 10**12)
WEIGHTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=30).filter(any)
FACTORS = st.decimals("-9.999999", "9.999999", places=6)

WIRE = TypeAdapter(Money)


class Priced(BaseModel):
    price: Money
    deposit: Money | None = None


def cny(amount: str) -> Money:
    return Money.parse(amount, "CNY")


@given(MINOR, CODES)
def test_money_round_trip_keeps_the_amount(minor: int, code: str) -> None:
    money = Money(minor, code)

    assert WIRE.validate_json(WIRE.dump_json(money)) == money
    assert WIRE.validate_python(WIRE.dump_python(money, mode="json")) == money
    assert Money.parse(money.amount, code) == money


@given(MINOR, CODES)
def test_money_writes_exactly_the_decimals_of_its_currency(minor: int, code: str) -> None:
    exponent = EXPONENTS[code]
    expected = f"{Decimal(minor).scaleb(-exponent):.{exponent}f}"

    assert Money(minor, code).amount == expected


@given(SMALL, WEIGHTS)
def test_money_split_parts_add_up_to_the_whole(minor: int, weights: list[int]) -> None:
    whole = Money(minor, "CNY")

    parts = whole.split(*weights)

    assert len(parts) == len(weights)
    assert Money.total(parts, "CNY") == whole


@given(SMALL, WEIGHTS)
def test_money_split_parts_differ_from_the_fair_share_by_less_than_one_unit(
    minor: int, weights: list[int]
) -> None:
    for part, weight in zip(Money(minor, "CNY").split(*weights), weights, strict=True):
        assert abs(part.minor * sum(weights) - minor * weight) < sum(weights)


@pytest.mark.parametrize("weights", [(), (0,), (0, 0), (3, -1)])
def test_money_split_refuses_weights_without_a_sum(weights: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="weights"):
        cny("1.00").split(*weights)


@given(SMALL, SMALL)
def test_money_addition_adds_minor_units(one: int, other: int) -> None:
    assert Money(one, "CNY") + Money(other, "CNY") == Money(one + other, "CNY")
    assert Money(one, "CNY") - Money(other, "CNY") == Money(one - other, "CNY")
    assert (Money(one, "CNY") < Money(other, "CNY")) == (one < other)
    assert (Money(one, "CNY") >= Money(other, "CNY")) == (one >= other)


def test_money_multiplies_by_whole_quantities() -> None:
    assert cny("1.50") * 3 == cny("4.50")


def test_money_refuses_multiplication_by_a_float() -> None:
    with pytest.raises(ValueError, match="whole numbers"):
        cny("1.50") * 1.1  # type: ignore[operator]


@pytest.mark.parametrize(
    "mix",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a < b,
        lambda a, b: a <= b,
        lambda a, b: a > b,
        lambda a, b: a >= b,
    ],
)
def test_money_refuses_to_mix_currencies(mix: Any) -> None:
    with pytest.raises(CurrencyMismatch, match="CNY and USD"):
        mix(cny("1.00"), Money.parse("1.00", "USD"))


def test_money_of_two_currencies_is_never_equal() -> None:
    assert Money(100, "CNY") != Money(100, "USD")
    assert Money(100, "CNY") != 100


@pytest.mark.parametrize("minor", [0, 1, -1])
@pytest.mark.parametrize("test", [bool, lambda m: not m, lambda m: m or None, lambda m: any([m])])
def test_money_has_no_truth_value(minor: int, test: Any) -> None:
    with pytest.raises(TypeError, match="CNY has no truth value"):
        test(Money(minor, "CNY"))
    assert Money(minor, "CNY").is_zero == (minor == 0)


@given(SMALL, FACTORS)
def test_money_scaling_rounds_half_away_from_zero(minor: int, factor: Decimal) -> None:
    exact = (Decimal(minor) * factor).quantize(Decimal(1), rounding=ROUND_HALF_UP)

    assert Money(minor, "CNY").scaled(factor) == Money(int(exact), "CNY")


@pytest.mark.parametrize(
    ("amount", "percent", "expected"),
    [("0.50", "5", "0.03"), ("-0.50", "5", "-0.03"), ("0.30", "5", "0.02"), ("100", "13", "13")],
)
def test_money_percentage_rounds_half_away_from_zero(
    amount: str, percent: str, expected: str
) -> None:
    assert cny(amount).percentage(Decimal(percent)) == cny(expected)


@pytest.mark.parametrize(
    ("wire", "because"),
    [
        ({"amount": "1.234", "currency": "CNY"}, "CNY has"),
        ({"amount": "1.0", "currency": "JPY"}, "JPY has"),
        ({"amount": "1.230", "currency": "CNY"}, "CNY has"),
        ({"amount": "1e3", "currency": "CNY"}, "plain decimal"),
        ({"amount": "1E-2", "currency": "CNY"}, "plain decimal"),
        ({"amount": "NaN", "currency": "CNY"}, "plain decimal"),
        ({"amount": "Infinity", "currency": "CNY"}, "plain decimal"),
        ({"amount": "", "currency": "CNY"}, "plain decimal"),
        ({"amount": "-", "currency": "CNY"}, "plain decimal"),
        ({"amount": "01.00", "currency": "CNY"}, "plain decimal"),
        ({"amount": "1.00", "currency": "CNY", "tax": "0"}, "is no field"),
        ({"amount": ".23", "currency": "CNY"}, "plain decimal"),
        ({"amount": "-.23", "currency": "CNY"}, "plain decimal"),
        ({"amount": "1.", "currency": "CNY"}, "plain decimal"),
        ({"amount": "+1.00", "currency": "CNY"}, "plain decimal"),
        ({"amount": " 1.00", "currency": "CNY"}, "plain decimal"),
        ({"amount": "1_0.00", "currency": "CNY"}, "plain decimal"),
        ({"amount": "1,000.00", "currency": "CNY"}, "plain decimal"),
        ({"amount": "1.0.00", "currency": "CNY"}, "plain decimal"),
        ({"amount": "--1.00", "currency": "CNY"}, "plain decimal"),
        ({"amount": "٣.٠٠", "currency": "CNY"}, "plain decimal"),
        ({"amount": "²2.00", "currency": "CNY"}, "plain decimal"),
        ({"amount": "10000000000000.01", "currency": "CNY"}, "more than we can count"),
        ({"amount": "9" * 5000, "currency": "CNY"}, "plain decimal"),
        ({"amount": 1.5, "currency": "CNY"}, "plain decimal"),
        ({"amount": 15, "currency": "CNY"}, "plain decimal"),
        ({"amount": None, "currency": "CNY"}, "plain decimal"),
        ({"amount": ["1", ".", "0", "0"], "currency": "CNY"}, "plain decimal"),
        ({"currency": "CNY"}, "plain decimal"),
        ({"amount": "1.00"}, "ISO 4217"),
        ({"amount": "1.00", "currency": "cny"}, "ISO 4217"),
        ({"amount": "1.00", "currency": "XXX"}, "ISO 4217"),
        ({"amount": "1.00", "currency": 156}, "ISO 4217"),
        ({"amount": "1.00", "currency": ["CNY"]}, "ISO 4217"),
        ("1.00 CNY", "must be an object"),
        (1, "must be an object"),
        ([], "must be an object"),
        (None, "must be an object"),
    ],
)
def test_money_refuses_an_unclear_amount_and_names_the_field(wire: Any, because: str) -> None:
    with pytest.raises(ValidationError, match=because) as refused:
        Priced.model_validate({"price": wire})

    assert refused.value.errors()[0]["loc"] == ("price",)


def test_money_accepts_fewer_decimals_than_the_currency_has() -> None:
    assert cny("5") == cny("5.0") == cny("5.00") == Money(500, "CNY")
    assert cny("-0.00") == Money.zero("CNY")


@given(st.integers(LIMIT + 1, LIMIT**2), st.sampled_from([1, -1]))
def test_money_refuses_more_than_the_largest_amount(minor: int, sign: int) -> None:
    with pytest.raises(ValueError, match="more than we can count"):
        Money(sign * minor, "CNY")


def test_money_arithmetic_refuses_results_beyond_the_largest_amount() -> None:
    with pytest.raises(ValueError, match="more than we can count"):
        Money(LIMIT, "CNY") + Money(1, "CNY")


@pytest.mark.parametrize("minor", [1.0, True, "1", Decimal(1)])
def test_money_minor_units_are_integers(minor: Any) -> None:
    with pytest.raises(ValueError, match="whole numbers"):
        Money(minor, "CNY")


def test_money_is_immutable() -> None:
    money = cny("1.00")

    with pytest.raises(AttributeError, match="does not change"):
        money.minor = 5
    assert copy.deepcopy(money) == money
    assert pickle.loads(pickle.dumps(money)) == money  # noqa: S301 - what we have just dumped
    assert {money: 1}[cny("1.00")] == 1


def test_money_dumps_in_the_wire_form() -> None:
    priced = Priced(price=cny("1234.50"))

    assert priced.model_dump()["price"] == {"amount": "1234.50", "currency": "CNY"}
    assert priced.model_dump_json(exclude_none=True) == (
        '{"price":{"amount":"1234.50","currency":"CNY"}}'
    )


@pytest.mark.parametrize(
    ("kind", "amount", "taken"),
    [
        (NonNegativeMoney, "0.00", True),
        (NonNegativeMoney, "-0.01", False),
        (PositiveMoney, "0.01", True),
        (PositiveMoney, "0.00", False),
    ],
)
def test_money_input_can_be_bounded(kind: Any, amount: str, taken: bool) -> None:
    adapter = TypeAdapter[Money](kind)
    wire = {"amount": amount, "currency": "CNY"}

    if taken:
        assert adapter.validate_python(wire) == cny(amount)
    else:
        with pytest.raises(ValidationError, match="must"):
            adapter.validate_python(wire)


def test_money_currencies_have_the_iso_4217_decimals() -> None:
    known = list_currencies(Locale("en"))
    # Babel follows local habit, where ISO 4217 counts in smaller units.
    habit = {
        "AFN": 2, "ALL": 2, "COP": 2, "IDR": 2, "IQD": 3, "IRR": 2, "KPW": 2, "LAK": 2, "LBP": 2,
        "MGA": 2, "MMK": 2, "PKR": 2, "RSD": 2, "SLE": 2, "SOS": 2, "SYP": 2, "TZS": 2, "UZS": 2,
        "YER": 2, "CRC": 2, "HUF": 2, "AMD": 2, "GYD": 2, "MUR": 2, "MNT": 2, "CZK": 2, "NOK": 2,
        "SEK": 2, "TWD": 2, "TMT": 2,
    }  # fmt: skip
    for code, exponent in EXPONENTS.items():
        assert code in known
        assert exponent in (get_currency_precision(code), habit.get(code))


@pytest.mark.parametrize("event", [ProposalRequested, LeadQualified])
def test_money_currency_beside_no_amount_is_known(event: type[Event]) -> None:
    """One deal in a currency that nobody knows would stop the totals of all."""
    body = sample(event).model_dump(mode="json")
    place = body if "currency" in body else body["web_order"]
    place["currency"] = "MK"
    with pytest.raises(ValidationError, match="'MK' is no ISO 4217 currency"):
        event.model_validate(body)
