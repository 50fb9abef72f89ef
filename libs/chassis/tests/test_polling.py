"""Polling with a backlog: topics in the order of the chain, and no record lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from chassis.polling import PatientConsumer
from testkit.deadline import DEADLINE_S
from testkit.servers import kafka_bootstrap

ORDER, CONTRACT = TopicPartition("ltc.order.v1", 0), TopicPartition("ltc.contract.v1", 0)
BACKLOG = {ORDER: 30, CONTRACT: 10}
"""An order's facts are there first, more than a poll takes."""


class Behind:
    """A consumer that can be put before the same backlog any number of times."""

    def __init__(self, consumer: PatientConsumer, starts: dict[TopicPartition, int]) -> None:
        self._consumer, self._starts = consumer, starts

    def begin(self) -> None:
        for partition, start in self._starts.items():
            self._consumer.seek(partition, start)

    async def take(self, most: int) -> dict[TopicPartition, int]:
        """How many records of each partition a poll returns."""
        found = await self._consumer.getmany(timeout_ms=1000, max_records=most)
        return {partition: len(records) for partition, records in found.items()}


@pytest.fixture
async def behind() -> AsyncIterator[Behind]:
    consumer = PatientConsumer(bootstrap_servers=kafka_bootstrap(), enable_auto_commit=False)
    await consumer.start()
    try:
        starts = await consumer.end_offsets([*BACKLOG])
        async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap()) as producer:
            for partition, count in BACKLOG.items():
                for _ in range(count):
                    await producer.send_and_wait(partition.topic, b"{}", partition=0)
        consumer.assign([*BACKLOG])
        yield Behind(consumer, starts)
    finally:
        await consumer.stop()


async def test_poll_takes_a_backlog_in_the_order_of_the_chain(behind: Behind) -> None:
    """The orders were there first; contracts still come next.

    In which order a broker's answer lists partitions is chance: one try in two shows nothing.
    """
    for _ in range(8):
        behind.begin()
        polls = [await behind.take(10) for _ in range(4)]
        taken = [part for poll in polls for part in poll.items()]
        assert sum(count for _, count in taken) == 40
        assert (CONTRACT, 10) in taken[:2]


async def test_poll_leaves_no_record_behind_a_fetch_that_the_broker_holds() -> None:
    """While a batch takes long, aiokafka would fetch the other partitions, and the broker hold that
    fetch for longer than this test waits."""
    consumer = PatientConsumer(
        bootstrap_servers=kafka_bootstrap(), enable_auto_commit=False, fetch_max_wait_ms=60_000
    )
    await consumer.start()
    try:
        async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap()) as producer:
            ends = await consumer.end_offsets([ORDER, CONTRACT])
            consumer.assign([ORDER, CONTRACT])
            for partition, end in ends.items():
                consumer.seek(partition, end)
            for _ in range(3):
                polling = asyncio.create_task(consumer.getmany(timeout_ms=1000))
                await producer.send_and_wait(ORDER.topic, b"{}", partition=0)
                async with asyncio.timeout(20):
                    assert list(await polling) == [ORDER]
                await producer.send_and_wait(ORDER.topic, b"{}", partition=0)  # is prefetched
                await asyncio.sleep(0.3)  # the batch takes long
                async with asyncio.timeout(20):
                    assert list(await consumer.getmany(timeout_ms=1000)) == [ORDER]
    finally:
        await consumer.stop()


async def test_poll_that_fails_halfway_loses_no_record(
    behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records found before the failure must not be skipped by the next commit."""
    poll = AIOKafkaConsumer.getmany
    found_before = False

    async def failing_once(self: Any, *partitions: TopicPartition, **most: Any) -> Any:
        nonlocal found_before
        if found_before:
            monkeypatch.setattr(AIOKafkaConsumer, "getmany", poll)
            raise KafkaError("its group has no coordinator just now")
        found = await poll(self, *partitions, **most)
        found_before = CONTRACT in found
        return found

    behind.begin()
    taken = Counter(await behind.take(5))  # and there is more: topic by topic from now on
    monkeypatch.setattr(AIOKafkaConsumer, "getmany", failing_once)
    with pytest.raises(KafkaError):
        await behind.take(30)
    async with asyncio.timeout(DEADLINE_S):
        while taken.total() < 40:
            taken.update(await behind.take(30))
    assert taken == BACKLOG
