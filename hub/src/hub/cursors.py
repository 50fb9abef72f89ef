"""Where a reader of the feed is, as text that only we read."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from chassis.problems import Problem

_OURS = re.compile(rb"1\.([0-9]{1,18})\.([0-9]{1,10})")
SLACK = timedelta(hours=1)
"""Positions are given at commits and instants at beginnings: so far may they disagree."""


class Cursor(NamedTuple):
    """Behind a position. The instant bounds the days that have to be looked at."""

    position: int
    at: datetime

    def __str__(self) -> str:
        told = f"1.{self.position}.{int(self.at.timestamp())}"
        return urlsafe_b64encode(told.encode()).decode().rstrip("=")

    @property
    def since(self) -> datetime:
        """What lies behind the cursor was seen after this."""
        return self.at - SLACK


BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


def read_cursor(text: str) -> Cursor:
    """A cursor that we gave. Raises Problem for any other text."""
    try:
        ours = _OURS.fullmatch(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        ours = None
    if ours is None:
        raise Problem(400, "the cursor is not one of ours", type="bad-cursor")
    return Cursor(int(ours[1]), datetime.fromtimestamp(int(ours[2]), UTC))
