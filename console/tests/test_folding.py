"""The fold of events into a journey: order and repetition change nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from console.folding import Fact, fold

BEGAN = datetime(2026, 11, 2, 2, tzinfo=UTC)
SPACE = UUID(int=7)
LEAD, DEAL, QUOTE = (str(UUID(int=n)) for n in (1, 2, 3))
GATE = {
    "gate": "qualification",
    "owner": "role:sales_rep",
    "number": "L-1",
    "opened_at": BEGAN.isoformat(),
    "due_at": (BEGAN + timedelta(days=2)).isoformat(),
}


def a_fact(type_: str, subject: str, sequence: int, after_s: float = 0.0, **payload: Any) -> Fact:
    return Fact(
        event_id=uuid5(SPACE, f"{type_}{subject}{sequence}"),
        type=type_,
        source="/ltc/somebody",
        subject=subject,
        sequence=sequence,
        said_at=BEGAN + timedelta(seconds=after_s),
        causation_id=None,
        trace_id=None,
        payload=payload,
    )


WHOLE = [
    a_fact("ltc.lead.captured.v1", LEAD, 1, 0, number="L-1", contact={"name": "王小明"}),
    a_fact("ltc.lead.gate_opened.v1", LEAD, 2, 0, **GATE),
    a_fact("ltc.lead.gate_cleared.v1", LEAD, 3, 5, **GATE),
    a_fact("ltc.lead.qualified.v1", LEAD, 4, 5, number="L-1", account={"name": "上海某某"}),
    a_fact(
        "ltc.deal.opened.v1",
        DEAL,
        1,
        6,
        number="D-1",
        amount={"amount": "10.00", "currency": "CNY"},
        owner={"sub": "rep-1", "name": "李雷", "team": None},
    ),
    a_fact(
        "ltc.quote.drafted.v1",
        QUOTE,
        1,
        7,
        number="Q-1",
        totals={"gross": {"amount": "11.30", "currency": "CNY"}},
    ),
    a_fact("ltc.deal.lost.v1", DEAL, 2, 8, number="D-1"),
    a_fact("ltc.deal.reopened.v1", DEAL, 3, 9, number="D-1"),
]


@given(st.lists(st.sampled_from(WHOLE), max_size=20), st.permutations(WHOLE))
def test_fold_is_independent_of_order_and_repetition(
    again: list[Fact], shuffled: list[Fact]
) -> None:
    assert fold([*shuffled, *again]) == fold(WHOLE)


def test_fold_takes_the_amount_of_the_latest_stage() -> None:
    summary = fold(WHOLE)
    assert summary.amount == {"amount": "11.30", "currency": "CNY"}
    assert fold(WHOLE[:5]).amount == {"amount": "10.00", "currency": "CNY"}
    assert (summary.stage, summary.customer, summary.state) == ("quote", "上海某某", "open")
    assert summary.numbers == {"lead": "L-1", "deal": "D-1", "quote": "Q-1"}


def test_fold_ends_a_lost_journey_and_continues_a_reopened_one() -> None:
    assert fold(WHOLE[:7]).state == "ended"
    assert fold(WHOLE).state == "open"
    settled = a_fact("ltc.journey.settled.v1", str(UUID(int=9)), 1, 20)
    assert fold([*WHOLE, settled]).state == "settled"


def test_fold_orders_an_aggregate_by_sequence_not_by_clock() -> None:
    early = a_fact("ltc.lead.gate_cleared.v1", LEAD, 3, -60, **GATE)
    assert fold([*WHOLE[:2], early]).gates == []
    late = a_fact("ltc.lead.gate_opened.v1", LEAD, 5, -90, **GATE)
    assert [gate.gate for gate in fold([*WHOLE[:3], late]).gates] == ["qualification"]


def test_fold_shows_an_unknown_event_type() -> None:
    strange = a_fact("ltc.warranty.claimed.v1", str(UUID(int=8)), 1, 30, number="W-1")
    summary = fold([*WHOLE, strange])
    assert summary.last.stage == "warranty"
    assert summary.stage == "quote"
