"""The line ledger: every piece is in exactly one place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.terms import LineQuantity
from order_svc.domain.ledger import Line, NoSuchLine, TooMany, cancel, deliver, ship

MOVES = {"ship": ship, "deliver": deliver, "cancel": cancel}


def a_line(ordered: int = 10) -> Line:
    return Line(line_no=1, sku="HW", name="Hardware", kind="goods", ordered=ordered)


@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.sampled_from(sorted(MOVES)), st.integers(-1, 60)), max_size=20),
)
def test_order_line_ledger_adds_up_after_any_sequence(
    ordered: int, tries: list[tuple[str, int]]
) -> None:
    lines: tuple[Line, ...] = (a_line(ordered),)
    for move, quantity in tries:
        try:
            lines = MOVES[move](lines, [LineQuantity(line_no=1, quantity=quantity)])
        except TooMany:
            continue
    [line] = lines

    assert line.ordered == line.open + line.shipped + line.cancelled
    assert 0 <= line.delivered <= line.shipped
    assert min(line.open, line.cancelled) >= 0


def test_order_line_shipped_cannot_be_cancelled() -> None:
    lines = ship([a_line(3)], [LineQuantity(line_no=1, quantity=2)])

    with pytest.raises(TooMany, match="line 1: 2 of 1"):
        cancel(lines, [LineQuantity(line_no=1, quantity=2)])


def test_order_line_that_is_unknown_is_named() -> None:
    with pytest.raises(NoSuchLine, match="9"):
        ship([a_line()], [LineQuantity(line_no=9, quantity=1)])
