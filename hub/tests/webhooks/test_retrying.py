"""When a delivery is tried again, and when it and its endpoint are given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chassis.domain import IllegalTransition
from hub.webhooks.retrying import LIFECYCLE, Next, Outcome, State, follow, why_disabled

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FAILURES = [outcome for outcome in Outcome if outcome is not Outcome.ACCEPTED]


@pytest.mark.parametrize("outcome", FAILURES)
@pytest.mark.parametrize(
    ("attempts", "wait"),
    [
        (1, timedelta(seconds=5)),
        (2, timedelta(minutes=5)),
        (3, timedelta(minutes=30)),
        (4, timedelta(hours=2)),
        (5, timedelta(hours=5)),
        (6, timedelta(hours=10)),
        (7, timedelta(hours=10)),
    ],
)
def test_waits_as_promised_and_up_to_a_tenth_longer(
    outcome: Outcome, attempts: int, wait: timedelta
) -> None:
    soonest = follow(outcome, attempts, NOW, once=False, chance=0.0)
    latest = follow(outcome, attempts, NOW, once=False, chance=1.0)
    assert soonest == Next(State.PENDING, NOW + wait)
    assert latest == Next(State.PENDING, NOW + wait * 1.1)


def test_the_eighth_failure_is_the_last() -> None:
    assert follow(Outcome.REJECTED, 8, NOW, once=False, chance=0.5) == Next(State.GIVEN_UP)


def test_an_accepted_delivery_is_done_at_any_attempt() -> None:
    for attempts in range(1, 9):
        assert follow(Outcome.ACCEPTED, attempts, NOW, once=False, chance=0.5) == Next(
            State.DELIVERED
        )


def test_a_test_event_is_tried_once() -> None:
    assert follow(Outcome.TIMEOUT, 1, NOW, once=True, chance=0.5) == Next(State.GIVEN_UP)


def test_what_ended_moves_only_by_a_resend() -> None:
    for state in (State.DELIVERED, State.GIVEN_UP, State.DROPPED):
        assert LIFECYCLE.moves[state] == {State.PENDING}
    with pytest.raises(IllegalTransition):
        LIFECYCLE.move(State.DELIVERED, State.GIVEN_UP)


def test_an_endpoint_is_switched_off_after_five_days_and_not_before() -> None:
    almost = NOW - timedelta(days=5) + timedelta(seconds=1)
    assert why_disabled(Outcome.TIMEOUT, almost, NOW) is None
    notice = why_disabled(Outcome.TIMEOUT, NOW - timedelta(days=5), NOW)
    assert notice == (
        "switched off 2026-03-02 09:30 UTC: it has accepted nothing since 2026-02-25 09:30 UTC,"
        " the last attempt was timeout"
    )


def test_gone_is_believed_at_once() -> None:
    assert "410" in (why_disabled(Outcome.GONE, NOW, NOW) or "")
