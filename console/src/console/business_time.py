"""How long something has waited, in the hours in which people work."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

OFFICE = ZoneInfo("Asia/Shanghai")
OPENS, CLOSES = time(9), time(18)
LONGEST = timedelta(days=400)
"""Nobody asks by how many hours something older is late; it counts as so old."""


@lru_cache(maxsize=1)
def _calendar() -> holidays.HolidayBase:
    """Mainland China's, with the days worked in exchange (调休) as far as they are announced."""
    return holidays.country_holidays("CN")


@lru_cache(maxsize=2048)
def is_working_day(day: date) -> bool:
    return _calendar().is_working_day(day)


def business_seconds(since: datetime, until: datetime) -> int:
    """Seconds of office hours between two instants; 0 when the second is not later."""
    start = max(since, until - LONGEST).astimezone(OFFICE)
    end = until.astimezone(OFFICE)
    worked = timedelta()
    day = start.date()
    while day <= end.date():
        if is_working_day(day):
            opened = max(start, datetime.combine(day, OPENS, OFFICE))
            closed = min(end, datetime.combine(day, CLOSES, OFFICE))
            worked += max(closed - opened, timedelta())
        day += timedelta(days=1)
    return int(worked.total_seconds())


def spoken(seconds: int) -> str:
    """``3 h 20 min``, as people say it."""
    hours, minutes = divmod(seconds // 60, 60)
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"
