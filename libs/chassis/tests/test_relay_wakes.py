"""What wakes the relay: commits of its own process, and a look at what others have left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from fastapi import FastAPI
from thing_service import service, thing_app

from chassis import due
from chassis.db import Database
from chassis.outbox import outbox_row
from chassis.relay import Relay
from chassis.runtime import Runtime
from contracts.deal import DealOpened
from contracts.ids import new_id
from contracts.samples import sample
from testkit.servers import kafka_bootstrap
from testkit.service_instances import eventually


@asynccontextmanager
async def running() -> AsyncIterator[FastAPI]:
    """A process of the service that relays and consumes nothing."""
    async with thing_app(kafka_bootstrap=kafka_bootstrap()) as app:
        runtime = Runtime(service, app.state.settings, app.state.database, app.state.metrics)
        await runtime.start()
        try:
            yield app
        finally:
            await runtime.stop()


async def publish(database: Database) -> None:
    row = outbox_row(
        sample(DealOpened),
        source=database.source,
        journey_id=new_id(),
        version=1,
        now=datetime.now(UTC),
        cause=None,
    )
    async with database.transaction() as tx:
        tx._pending.say(row)


async def acknowledged(app: FastAPI) -> int:
    async with app.state.database.engine.connect() as connection:
        found = await connection.exec_driver_sql("SELECT count(*) FROM event_log")
        return int(found.scalar_one())


async def test_relay_publishes_what_another_process_has_left() -> None:
    async with running() as app:
        other = Database(app.state.settings)
        await publish(other)
        await other.close()

        await eventually(lambda: acknowledged(app), 1)


async def test_relay_publishes_at_the_commit_without_a_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(due, "LOOK_S", 3600.0)
    async with running() as app:
        await publish(app.state.database)

        await eventually(lambda: acknowledged(app), 1)


async def test_relay_tries_again_without_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due, "LOOK_S", 3600.0)
    connect, refused = Relay._connect, 0

    async def refusing_twice(self: Relay) -> Any:
        nonlocal refused
        if refused < 2:
            refused += 1
            raise KafkaConnectionError("no broker yet")
        return await connect(self)

    monkeypatch.setattr(Relay, "_connect", refusing_twice)
    async with running() as app:
        await publish(app.state.database)

        await eventually(lambda: acknowledged(app), 1)
    assert refused == 2
