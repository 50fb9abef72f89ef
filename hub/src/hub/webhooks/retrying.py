"""When a delivery is tried, tried again, and given up; when an endpoint is switched off. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

from chassis.domain import Lifecycle

AFTER: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=10),
)
"""How long after the first, second, … failed attempt the next one follows."""
JITTER: Final = 0.1
"""A wait is up to this share longer, so that what failed together does not come back together."""
DISABLED_AFTER: Final = timedelta(days=5)
"""An endpoint that has accepted nothing for so long is switched off."""
LONGEST_ASKED: Final = timedelta(hours=1)
"""A receiver may ask us to wait, with ``Retry-After``, and no longer than this."""
BUSY: Final = frozenset({429, 503})
"""Answers of which ``Retry-After`` is believed."""
SECONDS: Final = re.compile("[0-9]{1,100}")


class State(StrEnum):
    """Where a delivery is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    DROPPED = "dropped"
    """Its fact is kept no more, the subscriber may not have it any more, or its replay was
    cancelled."""


LIFECYCLE = Lifecycle(
    {
        State.PENDING: {State.DELIVERED, State.GIVEN_UP, State.DROPPED},
        State.DELIVERED: {State.PENDING},
        State.GIVEN_UP: {State.PENDING},
        State.DROPPED: {State.PENDING},
    }
)
"""What ended may be asked for again: a resend."""


class Outcome(StrEnum):
    """How an attempt ended."""

    ACCEPTED = "accepted"
    """Answered 2xx."""
    REJECTED = "rejected"
    """Answered anything else, a redirect too: none is followed."""
    GONE = "gone"
    """Answered 410: the receiver wants no more."""
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    """No connection, or none that speaks HTTP."""
    REFUSED = "refused"
    """Its address is none that we send to."""
    UNSIGNED = "unsigned"
    """Its secret cannot be opened, so nothing was sent."""


@dataclass(frozen=True, slots=True)
class Next:
    """What follows an attempt: another at ``at``, or the end."""

    state: State
    at: datetime | None = None


def asked_to_wait(status: int, retry_after: str | None, now: datetime) -> timedelta:
    """How long a receiver wants to be left alone: ``Retry-After`` in seconds or as a date."""
    if status not in BUSY or retry_after is None:
        return timedelta(0)
    if SECONDS.fullmatch(retry_after):
        wait = timedelta(seconds=min(int(retry_after), LONGEST_ASKED.total_seconds()))
    else:
        try:
            until = parsedate_to_datetime(retry_after)
        except (ValueError, OverflowError):
            return timedelta(0)
        wait = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta(0)), LONGEST_ASKED)


def follow(
    outcome: Outcome,
    attempts: int,
    now: datetime,
    *,
    once: bool,
    chance: float,
    at_least: timedelta = timedelta(0),
) -> Next:
    """What follows the attempt that made it ``attempts`` in all; ``chance`` is from 0 up to 1,
    ``at_least`` is what the receiver asked for."""
    if outcome is Outcome.ACCEPTED:
        return Next(LIFECYCLE.move(State.PENDING, State.DELIVERED))
    if once or attempts > len(AFTER):
        return Next(LIFECYCLE.move(State.PENDING, State.GIVEN_UP))
    wait = max(AFTER[attempts - 1], at_least)
    return Next(State.PENDING, now + wait * (1 + JITTER * chance))


def why_disabled(outcome: Outcome, failing_since: datetime, now: datetime) -> str | None:
    """The notice with which an endpoint is switched off after a failure; none when it stays on."""
    if outcome is Outcome.GONE:
        return f"switched off {now:%F %H:%M} UTC: it answered 410 Gone"
    if now - failing_since >= DISABLED_AFTER:
        return (
            f"switched off {now:%F %H:%M} UTC: it has accepted nothing since"
            f" {failing_since:%F %H:%M} UTC, the last attempt was {outcome.value}"
        )
    return None
