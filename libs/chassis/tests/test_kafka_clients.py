"""Settings of the Kafka clients, consumer lag, rebalances, and a client that stops fetching."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, ClassVar, cast
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from sqlalchemy.ext.asyncio import create_async_engine

from chassis.cluster import Cluster
from chassis.consumer import Consumer
from chassis.delivery import Delivery
from chassis.intake import Intake, _Rebalances
from chassis.metrics import Metrics
from chassis.relay import Relay
from chassis.settings import Settings
from contracts.catalog import PARTITIONS
from contracts.event import Event
from testkit.servers import kafka_bootstrap
from testkit.service_instances import eventually, start_at_end

TOPIC = "ltc.lead.v1"
MILLISECOND_S = 0.001
"""Kafka counts time in milliseconds."""


class ThingMade(Event):
    """An event to subscribe to."""

    name: ClassVar[str] = "ltc.thing.made.v1"
    topic: ClassVar[str] = TOPIC
    key: ClassVar[str] = "thing_id"

    thing_id: UUID


class Slow:
    """A processor that takes as long as the test wants."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.taken = 0

    async def process(self, records: Sequence[Any]) -> list[Delivery]:
        await self.free.wait()
        self.taken += len(records)
        return []


def member_of(group: str) -> Intake:
    consumer = Consumer(group)

    @consumer.on(ThingMade)
    async def note(_fact: ThingMade, _tx: Any) -> None: ...

    settings = Settings(service="thing-svc", instance="1", kafka_bootstrap=kafka_bootstrap())
    return Intake(settings, consumer, Slow(), Metrics("thing", instance="1"))  # type: ignore[arg-type]


Given = dict[type, list[dict[str, Any]]]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    """The arguments with which every aiokafka client is made from now on."""
    seen: Given = {AIOKafkaConsumer: [], AIOKafkaProducer: []}
    for client in seen:
        made = client.__init__

        def record(
            self: Any, *topics: str, _made: Any = made, _client: type = client, **values: Any
        ) -> None:
            seen[_client].append(values)
            _made(self, *topics, **values)

        monkeypatch.setattr(client, "__init__", record)
    return seen


@pytest.fixture
async def intake(given: Given) -> AsyncIterator[Intake]:
    group = f"thing-{uuid4().hex[:8]}"
    await start_at_end(kafka_bootstrap(), group, [TOPIC])
    for made in given.values():
        made.clear()
    intake = member_of(group)
    await intake.join({})
    try:
        yield intake
    finally:
        intake._processor.free.set()  # type: ignore[attr-defined]
        await intake.stop()


async def test_kafka_consumer_settings_are_as_designed(intake: Intake, given: Given) -> None:
    [consumer] = given[AIOKafkaConsumer]

    wanted = {
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "isolation_level": "read_committed",
        "session_timeout_ms": 10_000,
        "heartbeat_interval_ms": 1_000,
        "rebalance_timeout_ms": 30_000,
        "max_poll_interval_ms": 300_000,
    }
    assert {name: consumer.get(name, "not given") for name in wanted} == wanted


async def test_kafka_producer_is_idempotent_with_acks_from_all_replicas(
    intake: Intake, given: Given
) -> None:
    engine = create_async_engine("postgresql+asyncpg://127.0.0.1/none")
    relay = Relay(
        engine,
        cluster=Cluster(kafka_bootstrap()),
        client_id="thing",
        said=asyncio.Event(),
        metrics=Metrics("thing", instance="1"),
    )
    producer = await relay._connect()
    await producer.stop()
    await engine.dispose()

    [relayed] = given[AIOKafkaProducer]
    assert (relayed["acks"], relayed["enable_idempotence"]) == ("all", True)
    assert (relayed["linger_ms"], relayed["compression_type"]) == (0, "lz4")
    assert relayed["max_batch_size"] == 256 * 1024


async def test_consumer_lag_is_reported_in_messages_and_seconds(intake: Intake) -> None:
    slow: Any = intake._processor
    producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap())
    await producer.start()
    sent_at = time.time()
    try:
        await producer.send_and_wait(TOPIC, b"{}", key=b"k", partition=0)

        async def at_hand() -> bool:
            return bool(intake.progress.at_hand)

        await eventually(at_hand, True)
        first = max(intake.lag_ages().values())
        assert first <= time.time() - sent_at + MILLISECOND_S

        async def grows() -> bool:
            return max(intake.lag_ages().values()) > first

        await eventually(grows, True)
        assert {topic for topic, age in intake.lag_ages().items() if age} == {TOPIC}

        slow.free.set()

        async def age() -> float:
            return max(intake.lag_ages().values())

        await eventually(age, 0.0)
        assert (slow.taken, intake.lag()) == (1, 0)
        slow.free.clear()
        for _ in range(3):
            await producer.send_and_wait(TOPIC, b"{}", key=b"k", partition=0)

        async def behind() -> bool:
            return intake.lag() >= 1 and max(intake.lag_ages().values()) > 0

        await eventually(behind, True)
    finally:
        await producer.stop()


async def test_consumer_does_not_commit_offsets_from_before_a_rebalance() -> None:
    """A later commit would move the group behind the offset of the other member."""
    every = [TopicPartition(TOPIC, n) for n in range(PARTITIONS)]
    producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap())
    observer = AIOKafkaConsumer(bootstrap_servers=kafka_bootstrap())
    await producer.start()
    await observer.start()
    group = f"thing-{uuid4().hex[:8]}"
    await start_at_end(kafka_bootstrap(), group, [TOPIC])
    intake, other = member_of(group), member_of(group)

    async def one_each() -> None:
        for partition in every:
            await producer.send_and_wait(TOPIC, b"{}", partition=partition.partition)

    async def at_hand() -> int:
        return len(intake.progress.at_hand)

    async def shared_out() -> list[int]:
        both = (intake, other) if other.subscriber.consumer else (intake,)
        return [len(i.subscriber.consumer.assignment()) for i in both if i.subscriber.consumer]

    async def committed() -> bool:
        await intake.commit()
        await other.commit()
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap())
        await admin.start()
        try:
            told = await admin.list_consumer_group_offsets(group)
        finally:
            await admin.close()
        ends = await observer.end_offsets(every)
        return {p: told[p].offset for p in every} == ends

    try:
        await one_each()
        await intake.join({})
        await eventually(at_hand, len(every))
        cast("Slow", other._processor).free.set()
        await other.join({})
        await eventually(shared_out, [6, 6])
        cast("Slow", intake._processor).free.set()
        await one_each()
        await eventually(committed, True)

        await other.stop()
        await eventually(shared_out, [12])

        assert await committed()
        assert intake.lag() == 0
    finally:
        await intake.stop()
        await producer.stop()
        await observer.stop()


async def test_consumer_commits_offsets_of_records_read_during_a_rebalance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The poll that waits for the new assignment returns records of it."""
    every = [TopicPartition(TOPIC, n) for n in range(PARTITIONS)]
    producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap())
    await producer.start()
    group = f"thing-{uuid4().hex[:8]}"
    await start_at_end(kafka_bootstrap(), group, [TOPIC])
    intake, other = member_of(group), member_of(group)
    for member in (intake, other):
        cast("Slow", member._processor).free.set()
    revoked = _Rebalances.on_partitions_revoked

    async def revoked_as_records_come(self: Any, partitions: Any) -> None:
        await asyncio.sleep(0.1)  # a commit that takes its time: the next poll begins meanwhile
        await revoked(self, partitions)
        if partitions:
            for partition in every:
                await producer.send_and_wait(TOPIC, b"{}", partition=partition.partition)

    async def told() -> int:
        await intake.commit()
        await other.commit()
        return len(intake.progress._told) + len(other.progress._told)

    monkeypatch.setattr(_Rebalances, "on_partitions_revoked", revoked_as_records_come)
    try:
        await intake.join({})
        await eventually(told, 0)
        await other.join({})

        await eventually(told, len(every))
    finally:
        await other.stop()
        await intake.stop()
        await producer.stop()


async def test_consumer_detects_a_client_that_stopped_fetching_and_rejoins(intake: Intake) -> None:
    assert not intake.deaf()
    slow: Any = intake._processor
    slow.free.set()
    consumer = intake.subscriber.consumer
    assert consumer is not None

    async def fail() -> None:
        raise RuntimeError("the handler is closed")

    consumer._fetcher._fetch_task.cancel()
    consumer._fetcher._fetch_task = asyncio.create_task(fail())
    await asyncio.sleep(0)

    async def noticed() -> bool:
        return intake.deaf()

    await eventually(noticed, True)
    await intake.leave()
    await intake.join({})
    assert not intake.deaf()
