"""Webhook retries: waiting times, the last attempt, and when an endpoint is disabled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chassis.domain import IllegalTransition
from hub.webhooks.retrying import (
    LIFECYCLE,
    Next,
    Outcome,
    State,
    asked_to_wait,
    follow,
    why_disabled,
)

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
def test_webhook_retry_waits_as_documented_plus_up_to_ten_percent(
    outcome: Outcome, attempts: int, wait: timedelta
) -> None:
    soonest = follow(outcome, attempts, NOW, once=False, chance=0.0)
    latest = follow(outcome, attempts, NOW, once=False, chance=1.0)
    assert soonest == Next(State.PENDING, NOW + wait)
    assert latest == Next(State.PENDING, NOW + wait * 1.1)


@pytest.mark.parametrize(
    ("status", "asked", "wait_s"),
    [
        (429, "120", 120),
        (503, "120", 120),
        (429, "Mon, 02 Mar 2026 09:32:00 GMT", 120),
        (503, "Mon, 02 Mar 2026 10:32:00 +0100", 120),
        (503, "Mon, 02 Mar 2026 09:32:00", 120),
        (429, "86400", 3600),
        (429, "999999999999999999999", 3600),
        (429, "Tue, 02 Mar 2027 09:30:00 GMT", 3600),
        (429, "Mon, 02 Mar 2026 09:29:00 GMT", 0),
        (429, "0", 0),
        (429, "-5", 0),
        (429, "1.5", 0),
        (429, "\u0661\u0662", 0),
        (429, "soon", 0),
        (429, "9" * 5000, 0),
        (429, "Mon, 02 Mar 99999999999999999999 09:32:00 GMT", 0),
        (429, "Mon, 99 Mar 2026 09:32:00 GMT", 0),
        (429, "", 0),
        (429, None, 0),
        (500, "120", 0),
        (301, "120", 0),
    ],
)
def test_webhook_retry_after_is_read_from_429_and_503_responses(
    status: int, asked: str | None, wait_s: int
) -> None:
    assert asked_to_wait(status, asked, NOW) == timedelta(seconds=wait_s)


@pytest.mark.parametrize(
    ("attempts", "asked", "wait"),
    [
        (1, timedelta(minutes=2), timedelta(minutes=2)),
        (2, timedelta(minutes=2), timedelta(minutes=5)),
        (2, timedelta(hours=1), timedelta(hours=1)),
        (4, timedelta(hours=1), timedelta(hours=2)),
    ],
)
def test_webhook_retry_wait_is_the_longer_of_retry_after_and_schedule(
    attempts: int, asked: timedelta, wait: timedelta
) -> None:
    after = follow(Outcome.REJECTED, attempts, NOW, once=False, chance=0.0, at_least=asked)
    assert after == Next(State.PENDING, NOW + wait)


def test_webhook_retry_ends_at_the_eighth_failure() -> None:
    assert follow(Outcome.REJECTED, 8, NOW, once=False, chance=0.5) == Next(State.GIVEN_UP)


def test_webhook_delivery_accepted_at_any_attempt_is_delivered() -> None:
    for attempts in range(1, 9):
        assert follow(Outcome.ACCEPTED, attempts, NOW, once=False, chance=0.5) == Next(
            State.DELIVERED
        )


def test_webhook_test_event_is_not_retried() -> None:
    assert follow(Outcome.TIMEOUT, 1, NOW, once=True, chance=0.5) == Next(State.GIVEN_UP)


def test_webhook_delivery_leaves_a_final_state_only_by_resend() -> None:
    for state in (State.DELIVERED, State.GIVEN_UP, State.DROPPED):
        assert LIFECYCLE.moves[state] == {State.PENDING}
    with pytest.raises(IllegalTransition):
        LIFECYCLE.move(State.DELIVERED, State.GIVEN_UP)


def test_webhook_endpoint_is_disabled_after_five_days_of_failures() -> None:
    almost = NOW - timedelta(days=5) + timedelta(seconds=1)
    assert why_disabled(Outcome.TIMEOUT, almost, NOW) is None
    notice = why_disabled(Outcome.TIMEOUT, NOW - timedelta(days=5), NOW)
    assert notice == (
        "switched off 2026-03-02 09:30 UTC: it has accepted nothing since 2026-02-25 09:30 UTC,"
        " the last attempt was timeout"
    )


def test_webhook_endpoint_is_disabled_by_the_first_410() -> None:
    assert "410" in (why_disabled(Outcome.GONE, NOW, NOW) or "")
