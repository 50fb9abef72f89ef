"""Bootstrap from snapshots: a new subscriber reaches the state of one that read every event.

On a real broker, while the hub is killed repeatedly and events are published.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from chassis.cluster import Cluster
from contracts.catalog import PARTITIONS
from contracts.event import Event
from contracts.ids import LeadId, new_id
from contracts.journey import LEAD_GATES
from contracts.lead import LeadAssigned, LeadCaptured, LeadQualified
from contracts.samples import sample
from local_infra.kafka import Kafka
from local_infra.ports import free_port
from local_infra.topics import ensure_topics
from testkit.deadline import DEADLINE_S
from testkit.harness import as_record
from testkit.servers import create_database, drop_database
from testkit.service_instances import eventually

TOPIC, STATES = "ltc.lead.v1", "ltc.lead.state.v1"
LIFE = (LeadCaptured, LEAD_GATES.opened, LeadAssigned, LEAD_GATES.cleared, LeadQualified)
LEADS, ROUNDS = 40, 4

State = tuple[int, dict[str, Any]]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[str]:
    """A broker of this test's own: the hub's group has one name."""
    kafka = Kafka(tmp_path / "kafka", free_port(), free_port())
    kafka.start()
    try:
        yield kafka.bootstrap
    finally:
        kafka.stop()


@pytest.fixture
async def environment(broker: str, tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    await ensure_topics(Cluster(broker))
    name = f"t_hub_{uuid4().hex[:8]}"
    url = create_database(name).replace("postgresql://", "postgresql+asyncpg://", 1)
    made = {
        **{name: value for name, value in os.environ.items() if not name.startswith("LTC_")},
        "LTC_DATABASE_URL": url,
        "LTC_KAFKA_BOOTSTRAP": broker,
        "LTC_HTTP_PORT": str(free_port()),
    }
    migrating = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub", "migrate", env=made, stdout=asyncio.subprocess.DEVNULL
    )
    assert await migrating.wait() == 0
    yield made
    drop_database(name)


@asynccontextmanager
async def a_hub(environment: dict[str, str]) -> AsyncIterator[None]:
    """A hub that hears, and is killed in the end, whatever it is about to do."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub", "serve", env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with httpx.AsyncClient() as client, asyncio.timeout(DEADLINE_S):
            while not await hears(client, environment["LTC_HTTP_PORT"]):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        yield
        assert process.returncode is None, "it ended by itself"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def hears(client: httpx.AsyncClient, port: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        answer = await client.get(f"http://127.0.0.1:{port}/health/ready")
        return bool(answer.json()["hearing"] == "yes")
    return False


class Speaker:
    """Says the facts of many leads, those of each in order."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._left = {new_id(): list(enumerate(LIFE * 2, start=1)) for _ in range(LEADS)}
        self._chance = random.Random(7)

    async def say(self, count: int) -> None:
        for _ in range(count):
            waiting = [lead for lead, life in self._left.items() if life]
            if not waiting:
                return
            lead = self._chance.choice(waiting)
            sequence, fact = self._left[lead].pop(0)
            known: Event = sample(fact)
            told = known.model_copy(
                update={fact.key: LeadId(lead), "number": f"L-{sequence}", fact.__name__: sequence}
            )
            record = as_record(told, version=sequence, event_id=new_id())
            await self._producer.send(
                TOPIC, record.value, key=record.key, headers=list(record.headers)
            )
        await self._producer.flush()


async def read(
    consumer: AIOKafkaConsumer, topic: str, starts: dict[int, int]
) -> AsyncIterator[Any]:
    """Every record of a topic from given offsets to the end that it has now."""
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    consumer.assign(partitions)
    ends = await consumer.end_offsets(partitions)
    begins = await consumer.beginning_offsets(partitions)
    for partition in partitions:
        consumer.seek(partition, max(begins[partition], starts.get(partition.partition, 0)))
    while any([await consumer.position(p) < ends[p] for p in partitions]):
        for batch in (await consumer.getmany(timeout_ms=200)).values():
            for record in batch:
                yield record


def take(states: dict[str, State], record: Any) -> None:
    """The documented rule, told anew: merge what has a higher sequence, leave gates out."""
    headers = dict(record.headers)
    subject, sequence = headers["ce_subject"].decode(), int(headers["ce_sequence"])
    before, data = states.get(subject, (0, {}))
    if sequence > before:
        told = {} if b".gate_" in headers["ce_type"] else orjson.loads(record.value)
        states[subject] = (sequence, {**data, **told})


class Newcomer:
    """Somebody who begins with the states as they are at some moment."""

    def __init__(self) -> None:
        self.states: dict[str, State] = {}
        self.positions: dict[int, int] = {}

    async def begin(self, consumer: AIOKafkaConsumer) -> None:
        async for record in read(consumer, STATES, {}):
            headers = dict(record.headers)
            subject, sequence = headers["ce_subject"].decode(), int(headers["ce_sequence"])
            if sequence >= self.states.get(subject, (0, {}))[0]:
                self.states[subject] = (sequence, orjson.loads(record.value))
            claimed = int(headers["ltc_position"])
            self.positions[record.partition] = max(
                claimed, self.positions.get(record.partition, -1)
            )

    async def go_on(self, consumer: AIOKafkaConsumer) -> None:
        starts = {number: position + 1 for number, position in self.positions.items()}
        async for record in read(consumer, TOPIC, starts):
            take(self.states, record)


async def test_bootstrap_from_states_equals_reading_every_event(
    environment: dict[str, str], broker: str
) -> None:
    everything: dict[str, State] = {}
    newcomers: list[Newcomer] = []
    producer = AIOKafkaProducer(bootstrap_servers=broker)
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, enable_auto_commit=False)
    chance = random.Random(11)
    await producer.start()
    await consumer.start()
    try:
        speaker = Speaker(producer)
        for _ in range(ROUNDS):
            async with a_hub(environment):
                await speaker.say(LEADS * len(LIFE) * 2 // (ROUNDS * 2))
                await asyncio.sleep(1 + chance.random() * 2)
                newcomers.append(newcomer := Newcomer())
                await newcomer.begin(consumer)
                await speaker.say(LEADS * len(LIFE) * 2 // (ROUNDS * 2))
                await asyncio.sleep(chance.random() / 2)
            newcomers.append(newcomer := Newcomer())
            await newcomer.begin(consumer)
        await speaker.say(LEADS * len(LIFE) * 2)
        async for record in read(consumer, TOPIC, {}):
            take(everything, record)
        for newcomer in newcomers:
            await newcomer.go_on(consumer)
        async with a_hub(environment):

            async def states() -> dict[str, State]:
                """Alone, as who begins now takes them."""
                last = Newcomer()
                await last.begin(consumer)
                return last.states

            await eventually(states, everything)
    finally:
        await consumer.stop()
        await producer.stop()

    assert len(everything) == LEADS
    assert {sequence for sequence, _ in everything.values()} == {len(LIFE) * 2}
    for number, newcomer in enumerate(newcomers):
        assert newcomer.states == everything, f"newcomer {number}"
    skipped = [sum(p + 1 for p in newcomer.positions.values()) for newcomer in newcomers]
    assert skipped[-1] > LEADS * len(LIFE), f"most was not read again: {skipped}"
    assert all(UUID(subject) for subject in everything)
