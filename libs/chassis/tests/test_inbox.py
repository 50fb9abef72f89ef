"""The inbox: a redelivered message has no second effect, whatever its handler does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar
from uuid import UUID

import pytest
from fastapi import FastAPI
from thing_service import names, thing_app

from chassis.batch import BatchProcessor
from chassis.consumer import Consumer
from chassis.delivery import RawRecord
from chassis.domain import DomainError
from chassis.transaction import Transaction
from contracts.event import Event
from testkit.harness import as_record

THING = UUID(int=7)
consumer = Consumer("thing-svc")


class ThingNoted(Event):
    """Something was noted about a thing."""

    name: ClassVar[str] = "ltc.thing.noted.v1"
    topic: ClassVar[str] = "ltc.thing.v1"
    key: ClassVar[str] = "thing_id"

    thing_id: UUID
    note: str


@consumer.on(ThingNoted)
async def count(fact: ThingNoted, tx: Transaction) -> None:
    """Deliberately not idempotent: every call stores another thing."""
    if fact.note == "bad":
        raise DomainError("it is bad")
    await tx.connection.exec_driver_sql(
        "INSERT INTO thing SELECT gen_random_uuid(), $1 || count(*), 1, 1, $2 FROM thing",
        (fact.note, tx.now),
    )


@pytest.fixture
async def app() -> AsyncIterator[FastAPI]:
    async with thing_app() as app:
        yield app


def a_record(note: str) -> RawRecord:
    return as_record(ThingNoted(thing_id=THING, note=note))


async def verdicts(app: FastAPI) -> tuple[int, int]:
    """The number of handled messages and of parked ones."""
    counts = "SELECT (SELECT count(*) FROM inbox), (SELECT count(*) FROM parked_message)"
    async with app.state.database.engine.connect() as connection:
        rows = await connection.exec_driver_sql(counts)
        handled, waiting = rows.one()
        return handled, waiting


async def test_inbox_drops_a_redelivered_message(app: FastAPI) -> None:
    processor = BatchProcessor(app.state.database, consumer, app.state.metrics)
    first, second = a_record("a"), a_record("b")

    await processor.process([first])
    await processor.process([first, second])
    await processor.process([first, second, second])

    assert await names(app) == ["a0", "b1"]


async def test_inbox_drops_a_redelivered_message_of_a_parked_key(app: FastAPI) -> None:
    """After a rebalance a poll returns a handled message and the one that parked its key."""
    processor = BatchProcessor(app.state.database, consumer, app.state.metrics)
    first, bad, behind = a_record("a"), a_record("bad"), a_record("b")

    await processor.process([first, bad])
    await processor.process([first, bad, behind])

    assert await names(app) == ["a0"]
    assert await verdicts(app) == (1, 2)


async def test_inbox_drops_a_redelivered_message_in_the_poll_that_parks_its_key(
    app: FastAPI,
) -> None:
    processor = BatchProcessor(app.state.database, consumer, app.state.metrics)
    first, bad = a_record("a"), a_record("bad")

    await processor.process([first])
    await processor.process([bad, first])

    assert await names(app) == ["a0"]
    assert await verdicts(app) == (1, 1)
