"""Instants that come from outside: ISO 8601 text within the bounds of the field, nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from contracts.instants import (
    EPOCH,
    HORIZON,
    LEEWAY,
    DueDay,
    DueInstant,
    NoInstant,
    PastInstant,
    read_instant,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")


class Form(BaseModel):
    past: PastInstant | None = None
    due: DueInstant | None = None
    day: DueDay | None = None


def refusal(**values: Any) -> str:
    with pytest.raises(ValidationError) as raised:
        Form(**values)
    [error] = raised.value.errors()
    return str(error["msg"])


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-27T10:30:00Z",
        "2026-11-27T10:30:00+00:00",
        "2026-11-27t18:30+0800",
        " 2026-11-27 10:30:00.000z ",
    ],
)
def test_given_instant_is_iso_text_with_an_offset(text: str) -> None:
    assert Form(past=text).past == datetime(2026, 11, 27, 10, 30, tzinfo=UTC)
    assert Form(past=text).model_dump_json() == (
        '{"past":"2026-11-27T10:30:00Z","due":null,"day":null}'
    )


@pytest.mark.parametrize("field", ["past", "due"])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("20261127", "'20261127' is not an instant in ISO 8601"),
        ("46353", "'46353' is not an instant in ISO 8601"),
        ("20261127103000", "is not an instant in ISO 8601"),
        (20261127, "20261127 is not text in ISO 8601"),
        (1.5, "1.5 is not text in ISO 8601"),
        (True, "True is not text in ISO 8601"),
        ("1764239400", "is not an instant in ISO 8601"),
        ("-1", "is not an instant in ISO 8601"),
        ("2026-11-27", "is not an instant in ISO 8601"),
        ("2026-W48-5T10:30:00Z", "is not an instant in ISO 8601"),
        ("٢٠٢٦-11-27T10:00:00Z", "is not an instant in ISO 8601"),
        ("2026-11-27T10:30:00", "has no offset from UTC, such as Z or +08:00"),
        (datetime.fromisoformat("2026-11-27"), "is not text in ISO 8601"),
        ("2026-02-30T10:30:00Z", "is not in the calendar: day is out of range"),
        ("2026-11-27T10:30:60Z", "is not in the calendar: second must be"),
        ("2026-11-27T10:30:00+25:00", "is not in the calendar"),
        ("0001-01-01T00:00:00+14:00", "is out of the calendar"),
        ("9999-12-31T23:59:59-05:00", "is out of the calendar"),
        ("0001-01-01T00:00:00Z", "is before 1970-01-01"),
        ("1969-12-31T23:59:59Z", "is before 1970-01-01"),
    ],
)
def test_given_instant_refuses_other_values_with_the_reason(
    field: str, value: Any, reason: str
) -> None:
    assert reason in refusal(**{field: value})


@pytest.mark.parametrize(
    ("field", "ahead", "reason"),
    [
        ("past", LEEWAY, "has not come yet"),
        ("due", HORIZON, "is later than 3653 days from now"),
    ],
)
def test_given_instant_has_an_upper_bound_of_its_field(
    field: str, ahead: timedelta, reason: str
) -> None:
    bound = datetime.now(UTC) + ahead

    assert Form(**{field: (bound - timedelta(minutes=1)).isoformat()})
    assert reason in refusal(**{field: (bound + timedelta(minutes=1)).isoformat()})
    assert reason in refusal(**{field: "9999-12-31T00:00:00Z"})


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (20261127, "is not a day in ISO 8601"),
        ("20261127", "is not a day in ISO 8601"),
        ("2026-11-27T00:00:00Z", "is not a day in ISO 8601"),
        ("2026-02-30", "is not in the calendar"),
        ("0001-01-01", "is before 1970-01-01"),
        ("9999-12-31", "is later than 3653 days from now"),
    ],
)
def test_given_day_refuses_other_values_with_the_reason(value: Any, reason: str) -> None:
    assert reason in refusal(day=value)
    assert Form(day="2026-11-27").day == Form(day=date(2026, 11, 27)).day == date(2026, 11, 27)


@pytest.mark.parametrize(
    "text", ["2026-11-27", "20261127", "2026-11-27T00:00", "2026-11-26T16:00:00Z"]
)
def test_instant_with_a_zone_may_be_a_day_or_a_local_time(text: str) -> None:
    assert read_instant(text, SHANGHAI) == datetime(2026, 11, 26, 16, tzinfo=UTC)


@given(st.one_of(st.integers(), st.floats(), st.booleans(), st.from_regex(r"[+-]?[0-9.]+")))
@example(20261127)
@example("46353")
def test_given_instant_never_takes_a_number_for_seconds(value: Any) -> None:
    for field in ("past", "due", "day"):
        refusal(**{field: value})


@given(st.one_of(st.text(max_size=40), st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}.{0,20}")))
def test_instant_is_read_within_the_calendar_or_refused_by_name(text: str) -> None:
    for zone in (None, SHANGHAI):
        try:
            moment = read_instant(text, zone)
        except NoInstant:
            continue
        assert moment.tzinfo is UTC


@given(st.datetimes(min_value=EPOCH.replace(tzinfo=None), timezones=st.just(UTC)))
def test_given_instant_is_between_the_bounds_or_refused(moment: datetime) -> None:
    try:
        read = Form(past=moment.isoformat()).past
    except ValidationError:
        assert moment > datetime.now(UTC) + LEEWAY
    else:
        assert read == moment >= EPOCH
