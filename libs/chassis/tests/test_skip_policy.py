"""The skip policy of observing consumers: a poison record blocks no later event of its key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, ClassVar
from uuid import UUID

import pytest
from box_service import BOX, Box, BoxAnnounced, Boxes, announced, on_database
from fastapi import APIRouter

from chassis.consumer import Consumer
from chassis.delivery import RawRecord
from chassis.http import TransactionalRoute
from chassis.parking import RETRY_AFTER_S
from chassis.runtime import Service
from chassis.transaction import Transaction
from contracts.event import Event
from testkit.harness import Harness, as_record

KEY = str(BOX).encode()
HANDLED = "SELECT number FROM box ORDER BY number"
KEPT = "SELECT state, raw FROM parked_message ORDER BY id"
ACTIONS = "SELECT actor_sub, action, object_id, before->>'error_class' FROM audit"


class BoxMoved(Event):
    """A box was moved."""

    name: ClassVar[str] = "ltc.supply.moved.v1"
    topic: ClassVar[str] = BoxAnnounced.topic
    key: ClassVar[str] = "box_id"

    box_id: UUID


FIRST, SECOND = f"1 {BoxAnnounced.name}", f"2 {BoxMoved.name}"
consumer = Consumer("observer", observes=True)


@consumer.on(BoxAnnounced)
@consumer.on(BoxMoved)
async def record(fact: Event, tx: Transaction) -> None:
    """Store one row per event, in any order."""
    number = f"{tx.delivery.envelope.sequence} {fact.name}"
    await Boxes(tx).save(Box(id=tx.new_id(), journey_id=tx.journey_id, number=number))


service = Service(
    name="observer-svc",
    version="1.2.3",
    router=APIRouter(route_class=TransactionalRoute),
    consumer=consumer,
    repositories=(Boxes,),
)


@pytest.fixture
async def observer() -> AsyncIterator[Harness]:
    async with on_database(service) as under_test:
        yield under_test


def poison(offset: int, **headers: str) -> RawRecord:
    named: list[tuple[str, Any]] = [(name, text.encode()) for name, text in headers.items()]
    return RawRecord(BoxAnnounced.topic, 0, offset, KEY, b"{half a value", named)


def events() -> tuple[RawRecord, RawRecord]:
    return as_record(announced(), offset=6), as_record(BoxMoved(box_id=BOX), version=2, offset=8)


async def test_skip_policy_off_parks_the_key_of_an_undecodable_record(
    observer: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "observes", False)
    first, second = events()
    await observer.receives_raw(first, poison(7), second)

    assert await observer.rows(HANDLED) == [(FIRST,)]
    assert await observer.rows("SELECT status FROM parked_key") == [("dead",)]


async def test_skip_policy_accepts_an_event_whose_id_an_undecodable_record_had(
    observer: Harness,
) -> None:
    first, _ = events()
    assert first.value
    cut = RawRecord(first.topic, 0, 5, KEY, first.value[:9], first.headers)
    await observer.receives_raw(cut)
    await observer.receives_raw(first)

    assert await observer.rows(HANDLED) == [(FIRST,)]
    assert await observer.rows(ACTIONS) == [
        ("system:observer-svc", "skip", KEY.decode(), "Undecodable")
    ]


async def test_skip_policy_skips_an_undecodable_record_of_a_held_key(observer: Harness) -> None:
    first, second = events()
    async with observer.client("ops") as ops:
        body = {"topic": first.topic, "key": KEY.decode(), "reason": "look first"}
        assert (await ops.post("/ops/park", json=body)).status_code == 201
        await observer.receives_raw(first, poison(7, ce_type=""), second)
        assert [row[0] for row in await observer.rows(KEPT)] == ["waiting", "waiting", "skipped"]
        release = f"/ops/parked/{first.topic}/{KEY.decode()}/release"
        assert (await ops.post(release, json={"reason": "seen"})).status_code == 200
    await observer.retry_parked()

    assert await observer.rows(HANDLED) == [(FIRST,), (SECOND,)]


async def test_skip_policy_skips_an_event_after_its_last_attempt(
    observer: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = events()

    async def fails(fact: Event, tx: Transaction) -> None:
        raise RuntimeError("a fault of ours")

    [subscription] = consumer.subscriptions[BoxAnnounced.name]
    broken = type(subscription)(subscription.fact, fails, {})
    monkeypatch.setitem(consumer.subscriptions, BoxAnnounced.name, [broken])
    await observer.receives_raw(first, second)
    for _ in RETRY_AFTER_S:
        await observer.execute("UPDATE parked_key SET next_retry_at = now()")
        assert await observer.retries.retry_due()
    await observer.retry_parked()

    assert await observer.rows(HANDLED) == [(SECOND,)]
    assert await observer.rows(ACTIONS) == [
        ("system:observer-svc", "skip", KEY.decode(), "RuntimeError")
    ]
    monkeypatch.undo()
    await observer.receives_raw(first)  # a replay once the fault is repaired
    assert await observer.rows(HANDLED) == [(FIRST,), (SECOND,)]
