"""Facts said on real topics, and other things that may come on them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.partitioner import DefaultPartitioner

from contracts.catalog import PARTITIONS
from contracts.deal import DealOpened, DealStageChanged, DealWon
from contracts.envelope import Envelope
from contracts.event import Event
from contracts.samples import sample, sample_envelope
from ltc_client import Checkpoint, Fact, Subscription
from ltc_client.checkpoints import Progress
from testkit.deadline import DEADLINE_S
from testkit.service_instances import eventually


def said(fact: Event, *, sequence: int = 1, id: UUID | None = None, **about: Any) -> Said:
    """A fact and its envelope, with an id of its own."""
    envelope = replace(sample_envelope(fact), id=id or uuid4(), sequence=sequence, **about)
    return envelope, fact.model_dump_json().encode(), fact.topic


Said = tuple[Envelope, bytes, str]


def a_deal(n: int) -> Iterator[Said]:
    """The life of one deal: opened, moved, won."""
    deal_id = uuid4()
    for sequence, kind in enumerate((DealOpened, DealStageChanged, DealWon), start=1):
        fact = sample(kind).model_copy(update={"deal_id": deal_id, "number": f"D-{n}"})
        yield said(fact, sequence=sequence)


async def publish(kafka: str | dict[str, Any], facts: Iterable[Said]) -> None:
    """As a service's relay does: in order for each key. At an address, or with a connection."""
    connection = {"bootstrap_servers": kafka} if isinstance(kafka, str) else kafka
    producer = AIOKafkaProducer(**connection, enable_idempotence=True, compression_type="lz4")
    await producer.start()
    try:
        sent = [
            await producer.send(
                topic, value, key=envelope.subject.encode(), headers=envelope.to_headers()
            )
            for envelope, value, topic in facts
        ]
        for one in sent:
            await one
    finally:
        await producer.stop()


async def from_here(bootstrap: str, checkpoint: Checkpoint, *topics: str) -> dict[str, str]:
    """Have a checkpoint begin after what earlier tests left on the topics."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, n) for topic in topics for n in range(PARTITIONS)]
        ends = await consumer.end_offsets(partitions)
    finally:
        await consumer.stop()
    checkpoint.positions()
    for partition, end in ends.items():
        place = f"{partition.topic}/{partition.partition}"
        checkpoint.save(Progress(place, str(end), None, True))
    return {f"{p.topic}/{p.partition}": str(end) for p, end in ends.items()}


def deals_everywhere() -> list[list[Said]]:
    """The lives of new deals, so many that each partition has some. When all of them have come,
    nothing that was said before is still to come."""
    to_partition = DefaultPartitioner()
    partitions = list(range(PARTITIONS))
    deals: list[list[Said]] = []
    covered: set[int] = set()
    while len(covered) < PARTITIONS:
        deals.append(deal := list(a_deal(len(deals))))
        covered.add(to_partition(deal[0][0].subject.encode(), partitions, partitions))
    return deals


async def begun(checkpoint: Checkpoint) -> None:
    """Return when a subscriber of the latest facts has kept where it began."""

    async def kept() -> bool:
        return bool(checkpoint.positions())

    await eventually(kept, True)


async def heard(subscription: Subscription, n: int) -> list[Fact]:
    """The next so many facts, each dealt with."""
    found: list[Fact] = []
    async with asyncio.timeout(DEADLINE_S):
        async for fact in subscription:
            found.append(fact)
            if len(found) == n:
                return found
    raise AssertionError("it never ends")
