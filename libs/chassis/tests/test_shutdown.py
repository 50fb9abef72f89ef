"""Shutdown: tasks end, and committed events are published before the process exits."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from thing_service import thing_app

from chassis import runtime
from chassis.cluster import Cluster
from chassis.db import Database
from chassis.metrics import Metrics
from chassis.outbox import outbox_row
from chassis.relay import Relay
from chassis.runtime import end
from contracts.deal import DealOpened
from contracts.ids import new_id
from contracts.samples import sample
from testkit.deadline import DEADLINE_S
from testkit.servers import kafka_bootstrap


async def test_shutdown_cancels_again_a_task_that_lost_its_cancellation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runtime, "CANCEL_AGAIN_S", 0.05)
    lost = 0

    async def goes_on() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost += 1
                if lost > 1:
                    raise

    async def has_failed() -> None:
        raise RuntimeError("seen elsewhere")

    tasks = [asyncio.create_task(goes_on()), asyncio.create_task(has_failed())]
    await asyncio.sleep(0)

    async with asyncio.timeout(DEADLINE_S):
        await end(tasks)

    assert (lost, [task.done() for task in tasks]) == (2, [True, True])


async def test_shutdown_without_tasks_returns_at_once() -> None:
    await end([])


async def test_relay_publishes_on_shutdown_events_from_before_its_first_connection() -> None:
    async with thing_app() as app:
        database: Database = app.state.database
        fact = outbox_row(
            sample(DealOpened),
            source=database.source,
            journey_id=new_id(),
            version=1,
            now=datetime.now(UTC),
            cause=None,
        )
        async with database.transaction() as tx:
            tx._pending.say(fact)
        relay = Relay(
            database.relaying,
            cluster=Cluster(kafka_bootstrap()),
            client_id="thing",
            said=database.said,
            metrics=Metrics("thing", instance="1"),
        )

        await relay.stop()

        async with database.engine.connect() as connection:
            left = await connection.exec_driver_sql(
                "SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM event_log)"
            )
            assert left.one() == (0, 1)
