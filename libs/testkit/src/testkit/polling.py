"""Waiting for what must come: bounded polling, and a failure that tells what was there instead."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import httpx

from testkit.api_client import Refused

T = TypeVar("T")

STEP_S = 0.05
NOT_YET = (404, 503)


def eventually(
    look: Callable[[], T],
    until: Callable[[T], object] = bool,
    *,
    what: str,
    within_s: float = 90.0,
) -> T:
    """Look until what is seen is as wanted, and return it. A door that is shut for the moment, or
    knows nothing yet, is asked again. Fails with the last thing that was seen."""
    deadline = time.monotonic() + within_s
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
            raise AssertionError(f"{what}: not within {within_s:.0f} s; the last was {seen!r}")
        time.sleep(STEP_S)
