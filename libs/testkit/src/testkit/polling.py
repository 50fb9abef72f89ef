"""Waiting for a condition: polling with one deadline for all, and a failure that shows the last
observation."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import httpx

from testkit.api_client import Refused
from testkit.deadline import DEADLINE_S

T = TypeVar("T")

STEP_S = 0.05
NOT_YET = (404, 503)


def eventually(
    look: Callable[[], T],
    until: Callable[[T], object] = bool,
    *,
    what: str,
) -> T:
    """Look until what is seen is as wanted, and return it. A door that is shut for the moment, or
    knows nothing yet, is asked again. Fails with the last thing that was seen."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        seen: object
        try:
            found = look()
            if until(found):
                return found
            seen = found
        except httpx.TransportError as error:
            seen = error
        except Refused as error:
            if error.status not in NOT_YET:
                raise
            seen = error
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {DEADLINE_S:.0f} s; the last was {seen!r}")
        time.sleep(STEP_S)
