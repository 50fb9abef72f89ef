"""Instants as files write them: ISO 8601, a pattern, or the serial number of a spreadsheet's day.

Digits alone are none of these unless the mapping says so, apart from ISO 8601's own 20261127.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from contracts.instants import NoInstant, in_utc, read_instant

SERIALS: Final = {"serial": datetime(1899, 12, 30), "serial-1904": datetime(1904, 1, 1)}  # noqa: DTZ001
"""Words that stand for a pattern → day 0 of the spreadsheet. Its zone is the mapping's."""
_LAST_SERIAL = 2_958_465
"""31 December 9999."""
_NUMBER = re.compile(r"[+-]?\d{1,20}(\.\d{1,20})?", re.ASCII)
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)
_KNOWN = set("aAwdbBmyYHIpMSfzjUWcxXGuV%")
_YEAR = set("yYcxG")


def checked_pattern(pattern: str) -> str:
    """Itself, when it can name an instant. Raises ValueError."""
    if pattern in SERIALS:
        return pattern
    found = set(_DIRECTIVE.findall(pattern))
    if "Z" in found:
        raise ValueError(f"{pattern!r}: %Z is the name of a zone, which is ambiguous; use %z")
    if strange := found - _KNOWN:
        raise ValueError(f"{pattern!r}: there is no directive %{min(strange)}")
    if not found & _YEAR:
        raise ValueError(f"{pattern!r} has no year; write {' or '.join(SERIALS)} for numbers")
    return pattern


def read_file_instant(text: str, pattern: str | None, zone: ZoneInfo | None) -> datetime:
    """The instant in UTC of a cell. What has no offset is of the zone. Raises NoInstant."""
    shown = repr(text[:60])
    if pattern in SERIALS and _NUMBER.fullmatch(text):
        return in_utc(_of_serial(text, SERIALS[pattern], shown), zone, shown)
    if pattern is not None and pattern not in SERIALS:
        try:
            return in_utc(datetime.strptime(text, pattern), zone, shown)  # noqa: DTZ007
        except NoInstant:
            raise
        except ValueError:
            pass  # perhaps it is ISO 8601, which is always read
    try:
        return read_instant(text, zone)
    except NoInstant as error:
        if pattern is not None and "calendar" not in str(error):
            raise NoInstant(f"{shown} is no date like {pattern}") from error
        if _NUMBER.fullmatch(text):
            raise NoInstant(f"{shown} is a number; nothing states how to read it") from error
        raise


def _of_serial(text: str, first: datetime, shown: str) -> datetime:
    days = Decimal(text)
    if not 0 <= days <= _LAST_SERIAL:
        raise NoInstant(f"{shown} is not the number of a day")
    seconds = round(days % 1 * 86_400)
    return first + timedelta(days=int(days), seconds=seconds)
