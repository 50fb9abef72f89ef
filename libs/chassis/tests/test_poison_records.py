"""Whatever a record holds, it stops nobody: it gets its verdict, and the next one is handled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import box_service
import pytest
from box_service import BoxAnnounced, on_database
from test_skip_policy import service as observing

from chassis.consumer import Handler, Subscription
from chassis.delivery import RawRecord
from chassis.transaction import Transaction
from testkit.harness import Harness, as_record

POISONED, SOUND = UUID(int=5), UUID(int=6)
CUT = b'{"box_id": "cut'
LONG = "".join(f"{n:x}" for n in range(5000)).encode()


def of(box: UUID) -> BoxAnnounced:
    return BoxAnnounced(box_id=box, sender="Ada")


def record(
    offset: int = 7, /, *, value: bytes | None = None, key: bytes | None = None, **headers: bytes
) -> RawRecord:
    good = as_record(of(POISONED), offset=offset)
    merged = [*{**dict(good.headers), **headers}.items()]
    return RawRecord(good.topic, 0, offset, key or good.key, value or good.value, merged)


def with_field(value: bytes) -> bytes:
    return b'{"box_id":"%b","sender":"Ada","more":%b}' % (str(POISONED).encode(), value)


UNREADABLE = {
    "NUL in traceparent before an unreadable body": record(traceparent=b"00-\0-\0-01", value=CUT),
    "short traceparent before an unreadable body": record(traceparent=b"0", value=CUT),
    "NUL in tracestate before an unreadable body": record(tracestate=b"a=\0", value=CUT),
    "NUL in a header's name": record(value=CUT, **{"x-\0": b"1"}),
    "NUL in the type of the source": record(ce_source=b"/\0"),
    "NUL in the key": record(key=b"a\0b", value=CUT),
    "a key too long for an index": record(key=LONG, value=CUT),
    "the first moment of the calendar, east": record(ce_time=b"0001-01-01T00:00:00+14:00"),
    "the last moment of the calendar, west": record(ce_time=b"9999-12-31T23:59:59-14:00"),
    "a sequence beyond 63 bits": record(ce_sequence=b"9" * 20),
    "a subject too long for an index": record(ce_subject=LONG),
    "NUL in a text": record(value=b'{"box_id":"%b","sender":"A\\u0000"}' % str(POISONED).encode()),
    "half a character": record(
        value=b'{"box_id":"%b","sender":"A\\ud800"}' % str(POISONED).encode()
    ),
    "NaN in an unknown field": record(value=with_field(b"NaN")),
    "a number of 300 digits in an unknown field": record(value=with_field(b"9" * 300)),
    "NUL in an unknown field": record(value=with_field(rb'"\u0000"')),
}
ONLY_OBSERVERS = {
    "a number beyond doubles in an unknown field": record(value=with_field(b"1e400")),
    "a number that vanishes in an unknown field": record(value=with_field(b"1e-20000")),
    "an unknown field twice": record(value=with_field(b'1,"more":2')),
}
"""They keep the text; a stage drops what it does not know."""


@pytest.fixture(scope="module")
async def _observer() -> AsyncIterator[Harness]:
    async with on_database(observing) as under_test:
        yield under_test


@pytest.fixture
async def observer(_observer: Harness) -> Harness:
    await _observer.empty()
    return _observer


@pytest.mark.parametrize("name", UNREADABLE)
async def test_poison_record_parks_its_key_alone_at_a_stage(box_svc: Harness, name: str) -> None:
    await box_svc.receives_raw(UNREADABLE[name], as_record(of(SOUND), offset=8))

    assert await box_svc.rows("SELECT id FROM box") == [(SOUND,)]
    assert await box_svc.rows("SELECT status FROM parked_key") == [("dead",)]
    [(state, raw)] = await box_svc.rows("SELECT state, raw FROM parked_message")
    assert (state, bytes(raw)) == ("dead", UNREADABLE[name].value)
    async with box_svc.client("ops") as ops:
        [key] = (await ops.get("/ops/parked")).json()
        assert key["error"]
        shown = await ops.get(f"/ops/parked/{key['topic']}/{key['key']}")
        assert shown.status_code == 200, shown.text


@pytest.mark.parametrize("name", UNREADABLE | ONLY_OBSERVERS)
async def test_poison_record_is_set_aside_by_an_observer(observer: Harness, name: str) -> None:
    poison = (UNREADABLE | ONLY_OBSERVERS)[name]
    await observer.receives_raw(poison, as_record(of(SOUND), offset=8))

    assert await observer.rows("SELECT number FROM box") == [(f"1 {BoxAnnounced.name}",)]
    assert await observer.rows("SELECT key FROM parked_key") == []
    assert await observer.rows("SELECT state FROM parked_message") == [("skipped",)]


@pytest.mark.parametrize("traceparent", [b"\0" * 55, b"00-xyz", b"\xff", b"ff-" + b"1" * 52])
async def test_malformed_trace_context_begins_a_new_trace(
    box_svc: Harness, traceparent: bytes
) -> None:
    await box_svc.receives_raw(record(traceparent=traceparent, tracestate=b"\0"))

    assert await box_svc.rows("SELECT id FROM box") == [(POISONED,)]
    for (kept,) in await box_svc.rows("SELECT headers->>'traceparent' FROM outbox"):
        assert len(kept) == 55


async def too_far(fact: BoxAnnounced, tx: Transaction) -> None:
    tx.now + timedelta(days=10**9)


async def too_large(fact: BoxAnnounced, tx: Transaction) -> None:
    await tx.read("SELECT $1::integer", 2**40)


CANNOT_PASS = {
    too_far: ("OverflowError", "must have magnitude"),
    too_large: ("DataError", "(value out of int32 range)"),
}


@pytest.mark.parametrize("handler", CANNOT_PASS)
async def test_error_that_cannot_pass_is_not_tried_again_and_says_why(
    box_svc: Harness, monkeypatch: pytest.MonkeyPatch, handler: Handler
) -> None:
    failing = [Subscription(BoxAnnounced, handler, {})]
    monkeypatch.setitem(box_service.consumer.subscriptions, BoxAnnounced.name, failing)
    await box_svc.receives(of(POISONED))

    [(status, kind, why)] = await box_svc.rows("SELECT status, error_class, error FROM parked_key")
    expected, text = CANNOT_PASS[handler]
    assert (status, kind) == ("dead", expected)
    assert text in why
    assert str(2**40) not in why, "values may be about people"


@pytest.mark.parametrize("handler", CANNOT_PASS)
async def test_error_that_cannot_pass_is_set_aside_at_once_by_an_observer(
    observer: Harness, monkeypatch: pytest.MonkeyPatch, handler: Handler
) -> None:
    failing = [Subscription(BoxAnnounced, handler, {})]
    monkeypatch.setitem(observing.consumer.subscriptions, BoxAnnounced.name, failing)
    await observer.receives(of(POISONED))

    assert await observer.rows("SELECT key FROM parked_key") == []
    assert await observer.rows("SELECT state FROM parked_message") == [("skipped",)]
    assert await observer.rows("SELECT event_id FROM inbox") == [], "published again, it is tried"
