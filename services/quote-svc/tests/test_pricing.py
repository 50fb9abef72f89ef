"""The arithmetic of a quote."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.money import Money
from contracts.terms import WantedLine
from quote_svc.domain.pricing import (
    Item,
    PriceBook,
    Tier,
    UnknownProduct,
    agree_on,
    discount_over_all,
    price_lines,
    totals,
)


def an_item(sku: str, minor: int) -> Item:
    price = Money(minor, "CNY")
    return Item(sku=sku, name=sku, kind="goods", list_price=price, tax_percent=Decimal(13))


BOOK = PriceBook(
    [
        an_item("A", 333),
        Item(
            sku="B",
            name="B",
            kind="service",
            list_price=Money(99_99, "CNY"),
            tax_percent=Decimal(6),
            tiers=(Tier(from_quantity=10, price=Money(80_00, "CNY")),),
        ),
    ]
)

wanted = st.lists(
    st.builds(
        WantedLine,
        sku=st.sampled_from(["A", "B"]),
        quantity=st.integers(1, 500),
        discount_percent=st.decimals(0, 100, places=2),
    ),
    min_size=1,
    max_size=8,
)


@given(wanted)
def test_pricing_total_is_the_sum_of_lines(lines: list[WantedLine]) -> None:
    priced = price_lines(lines, BOOK)
    sums = totals(priced, "CNY")

    assert sums.net.minor == sum(line.net.minor for line in priced)
    assert sums.gross == sums.net + sums.tax


@given(wanted, st.integers(0, 10**9))
def test_pricing_meets_an_agreed_price_to_the_cent(lines: list[WantedLine], agreed: int) -> None:
    priced = agree_on(price_lines(lines, BOOK), Money(agreed, "CNY"))

    assert totals(priced, "CNY").net == Money(agreed, "CNY")


def test_pricing_rounds_half_a_cent_up_once() -> None:
    [line] = price_lines([WantedLine(sku="A", quantity=1, discount_percent=Decimal(50))], BOOK)

    assert line.net == Money(167, "CNY")


def test_pricing_applies_the_tier_of_the_quantity() -> None:
    [line] = price_lines([WantedLine(sku="B", quantity=10)], BOOK)

    assert line.net == Money(800_00, "CNY")


def test_pricing_names_a_product_without_a_price() -> None:
    with pytest.raises(UnknownProduct, match="C"):
        price_lines([WantedLine(sku="C", quantity=1)], BOOK)


def test_pricing_discount_covers_the_whole_document() -> None:
    lines = [
        WantedLine(sku="A", quantity=100, discount_percent=Decimal(20)),
        WantedLine(sku="A", quantity=100),
    ]

    assert discount_over_all(price_lines(lines, BOOK)) == Decimal("10.00")


def test_pricing_finds_the_exact_name_first() -> None:
    book = PriceBook([an_item("AB-1", 100), an_item("ab-1", 900), an_item("GTX Pro", 500)])
    wanted = [WantedLine(sku=sku, quantity=1) for sku in ("AB-1", "ab-1", "GTXPro", "ｇｔｘ pro")]

    assert [(line.sku, line.net.minor) for line in price_lines(wanted, book)] == [
        ("AB-1", 100),
        ("ab-1", 900),
        ("GTX Pro", 500),
        ("GTX Pro", 500),
    ]


def test_pricing_guesses_no_product_that_may_be_two() -> None:
    book = PriceBook([an_item("AB-1", 100), an_item("ab-1", 900)])

    with pytest.raises(UnknownProduct, match="Ab-1"):
        price_lines([WantedLine(sku="Ab-1", quantity=1)], book)


@given(st.dictionaries(st.text("abAB１1 -²", min_size=1, max_size=4), st.integers(1, 999)))
def test_pricing_gives_each_product_its_own_price(prices: dict[str, int]) -> None:
    book = PriceBook([an_item(sku, minor) for sku, minor in prices.items()])
    lines = [WantedLine(sku=sku, quantity=1) for sku in prices]

    assert [line.net.minor for line in price_lines(lines, book)] == list(prices.values())
