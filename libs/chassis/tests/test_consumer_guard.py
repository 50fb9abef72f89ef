"""The consumer guard: consumption stops while the database is older than the committed offsets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import TopicPartition
from fastapi import FastAPI
from thing_service import thing_app

from chassis import positions
from chassis.batch import BatchProcessor
from chassis.cluster import Cluster
from chassis.consumer import Consumer
from chassis.intake import Intake
from chassis.vigil import Vigil
from contracts.ids import new_id
from contracts.lead import LeadCaptured
from local_infra.kafka import Kafka
from local_infra.ports import free_port
from local_infra.topics import ensure_topics
from testkit.servers import kafka_bootstrap
from testkit.service_instances import eventually, start_at_end

HERE = TopicPartition(LeadCaptured.topic, 3)


@pytest.fixture
async def app() -> AsyncIterator[FastAPI]:
    async with thing_app() as app:
        yield app


@pytest.fixture
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker that this test may kill."""
    kafka = Kafka(tmp_path_factory.mktemp("mortal-kafka"), free_port(), free_port())
    kafka.start()
    try:
        yield kafka
    finally:
        kafka.stop()


@asynccontextmanager
async def a_vigil(app: FastAPI, bootstrap: str) -> AsyncIterator[Vigil]:
    """A guarded consumer whose group begins at the end of its topics."""
    consumer = Consumer(f"thing-{uuid4().hex[:8]}")

    @consumer.on(LeadCaptured)
    async def note(_fact: LeadCaptured, _tx: Any) -> None: ...

    await start_at_end(bootstrap, consumer.group, consumer.topics)
    settings = app.state.settings.model_copy(update={"kafka_bootstrap": bootstrap})
    processor = BatchProcessor(app.state.database, consumer, app.state.metrics)
    intake = Intake(settings, consumer, processor, app.state.metrics)
    vigil = Vigil(
        intake,
        engine=app.state.database.engine,
        cluster=Cluster(bootstrap),
        group=consumer.group,
        topics=consumer.topics,
        metrics=app.state.metrics,
    )
    at_work = asyncio.create_task(vigil.run())
    try:
        yield vigil
    finally:
        at_work.cancel()
        await asyncio.gather(at_work, return_exceptions=True)
        await vigil.leave()
        await intake.stop()


async def note_event(bootstrap: str, group: str, event: UUID) -> None:
    """Commit the offset of a partition with an event behind it."""
    async with positions.of_group(Cluster(bootstrap), group, [HERE.topic]) as (client, _):
        end = (await client.end_offsets([HERE]))[HERE]
        await client.commit({HERE: (end, str(event))})


async def test_consumer_guard_stops_with_a_database_older_than_its_offsets(app: FastAPI) -> None:
    event = new_id()
    bootstrap = kafka_bootstrap()
    async with a_vigil(app, bootstrap) as vigil:

        async def state() -> tuple[bool, bool]:
            return vigil.hearing, vigil.obstacle is not None

        await eventually(state, (True, False))
        await vigil.leave()
        await note_event(bootstrap, vigil._group, event)
        vigil._intake.doubt.set()

        await eventually(state, (False, True))
        assert f"does not know event {event}" in (vigil.obstacle or "")
        async with app.state.database.engine.begin() as connection:
            await connection.exec_driver_sql(
                "INSERT INTO inbox VALUES ($1, $2, now())", (vigil._group, event)
            )

        await eventually(state, (True, False))


async def test_consumer_guard_stops_when_the_database_is_replaced_while_consuming(
    app: FastAPI,
) -> None:
    event = new_id()
    bootstrap = kafka_bootstrap()
    async with a_vigil(app, bootstrap) as vigil:

        async def state() -> tuple[bool, bool]:
            return vigil.hearing, vigil.obstacle is not None

        await eventually(state, (True, False))
        async with positions.of_group(vigil._cluster, vigil._group, [HERE.topic]) as (client, _):
            end = (await client.end_offsets([HERE]))[HERE]
        # As if a batch had been settled in a database that has been replaced since.
        progress = vigil._intake.progress
        progress._done[HERE], progress._events[HERE] = end, event
        await vigil._intake.commit()

        await eventually(state, (False, True))
        assert f"does not know event {event}" in (vigil.obstacle or "")


async def test_consumer_guard_leaves_the_group_while_its_broker_is_down(
    app: FastAPI, mortal: Kafka
) -> None:
    await ensure_topics(Cluster(mortal.bootstrap))
    async with a_vigil(app, mortal.bootstrap) as vigil:

        async def hearing() -> bool:
            return vigil.hearing

        await eventually(hearing, True)
        mortal.stop()
        client = vigil._intake.subscriber.consumer
        assert client is not None

        async def repeating() -> bool:
            """A failed fetch waits for its retry; leaving the group cancels it."""
            return bool(client._fetcher._pending_tasks)

        await eventually(repeating, True)
        await vigil.leave()
        assert vigil._intake.subscriber.consumer is None
        mortal.start()
        vigil._intake.doubt.set()

        await eventually(hearing, True)
