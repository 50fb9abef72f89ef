"""Instants and days that somebody outside gives: ISO 8601 text, within the bounds of the field.

A field of a form declares its bounds with its type: ``Annotated[datetime, GivenInstant()]``. A
number is never an instant, because a reader cannot see its unit or its epoch. Events and stored
rows do not use these types: they stay readable whatever an earlier release accepted.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LEEWAY = timedelta(minutes=5)
"""How far the clock of a caller may be ahead of ours."""
HORIZON = timedelta(days=3_653)
"""Ten years: the farthest day that work is planned for."""
EXAMPLE = "2026-11-27T10:30:00+08:00"

_DAY = re.compile(r"\d{4}-\d\d-\d\d|\d{8}", re.ASCII)
_INSTANT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[Tt ](?P<time>\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)"
    r"(?P<offset>[Zz]|[+-]\d\d:?\d\d)?",
    re.ASCII,
)


class NoInstant(ValueError):
    """The text names no instant; the message says why and is a predicate of the field."""


def read_instant(text: str, zone: ZoneInfo | None = None) -> datetime:
    """The instant in UTC that an ISO 8601 text names. With a zone, a day (its first moment) and a
    local time are instants too; without one, the text states its offset. Raises NoInstant."""
    shown = repr(text[:60])
    found = _INSTANT.fullmatch(text)
    if found is None and not (zone and _DAY.fullmatch(text)):
        raise NoInstant(f"{shown} is not an instant in ISO 8601, such as {EXAMPLE}")
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise NoInstant(f"{shown} is not in the calendar: {error}") from error
    if moment.tzinfo is None and zone is None:
        raise NoInstant(f"{shown} has no offset from UTC, such as Z or +08:00")
    return in_utc(moment, zone, shown)


def in_utc(moment: datetime, zone: ZoneInfo | None, shown: str) -> datetime:
    """A moment in UTC; one without an offset is of the zone. Raises NoInstant."""
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError as error:
        raise NoInstant(f"{shown} is out of the calendar") from error


class _Given(ABC):
    """Metadata that makes pydantic read a value with `read`, and describes it in OpenAPI."""

    @abstractmethod
    def read(self, value: Any) -> Any:
        """The value within its bounds. Raises ValueError for another one."""

    @abstractmethod
    def json_schema(self) -> dict[str, Any]:
        """The bounds as OpenAPI shows them."""

    def __get_pydantic_core_schema__(self, kind: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.read, handler(kind))

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, __: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return self.json_schema()


@dataclass(frozen=True)
class GivenInstant(_Given):
    """The type of a field that takes an instant, with its bounds. Without them: 1970 until now."""

    since: datetime = EPOCH
    ahead: timedelta = LEEWAY

    def read(self, value: Any) -> datetime:
        """The instant in UTC of a text, or of our own aware datetime. Raises a pydantic error."""
        shown = repr(value[:60]) if isinstance(value, str) else str(value)[:60]
        try:
            if isinstance(value, datetime) and value.tzinfo is not None:
                moment = in_utc(value, None, shown)
            elif isinstance(value, str):
                moment = read_instant(value.strip())
            else:
                raise NoInstant(f"{shown} is not text in ISO 8601, such as {EXAMPLE}")
        except NoInstant as error:
            raise _refusal(str(error)) from error
        if moment < self.since:
            raise _refusal(f"{shown} is before {self.since:%Y-%m-%d}")
        if moment > datetime.now(UTC) + self.ahead:
            raise _refusal(f"{shown} {_late(self.ahead)}")
        return moment

    def json_schema(self) -> dict[str, Any]:
        bounds = f"from {self.since:%Y-%m-%d} to {_until(self.ahead)}"
        return {"type": "string", "format": "date-time", "description": bounds}


@dataclass(frozen=True)
class GivenDay(_Given):
    """The type of a field that takes a calendar day, with its bounds."""

    since: date = date(1970, 1, 1)
    ahead: timedelta = HORIZON

    def read(self, value: Any) -> date:
        """The day of a text, or our own date. Raises a pydantic error."""
        shown = repr(value[:60]) if isinstance(value, str) else str(value)[:60]
        if isinstance(value, date) and not isinstance(value, datetime):
            day = value
        elif isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
            try:
                day = date.fromisoformat(value)
            except ValueError as error:
                raise _refusal(f"{shown} is not in the calendar: {error}") from error
        else:
            raise _refusal(f"{shown} is not a day in ISO 8601, such as 2026-11-27")
        if day < self.since:
            raise _refusal(f"{shown} is before {self.since}")
        if day > datetime.now(UTC).date() + self.ahead:
            raise _refusal(f"{shown} {_late(self.ahead)}")
        return day

    def json_schema(self) -> dict[str, Any]:
        bounds = f"from {self.since} to {_until(self.ahead)}"
        return {"type": "string", "format": "date", "description": bounds}


def _refusal(reason: str) -> PydanticCustomError:
    return PydanticCustomError("given_instant", "{reason}", {"reason": reason})


def _late(ahead: timedelta) -> str:
    return "has not come yet" if ahead <= LEEWAY else f"is later than {_until(ahead)}"


def _until(ahead: timedelta) -> str:
    return "now" if ahead <= LEEWAY else f"{ahead.days} days from now"


PastInstant = Annotated[datetime, GivenInstant()]
"""What has happened: captured, booked, closed, shipped, given."""
DueInstant = Annotated[datetime, GivenInstant(ahead=HORIZON)]
"""What is planned."""
DueDay = Annotated[date, GivenDay()]
