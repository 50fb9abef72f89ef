"""Somebody outside with access to Kafka: reads the public topics, and says things again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from contracts.catalog import STAGES
from local_infra.processes import run_sync
from testkit.polling import eventually

T = TypeVar("T")

GROUPS = (*(f"{stage}-svc" for stage in STAGES), "console")


@dataclass(frozen=True)
class Record:
    """A record as it lies in Kafka."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]

    @classmethod
    def of(cls, found: ConsumerRecord) -> Record:
        return cls(found.topic, found.partition, found.key, found.value, tuple(found.headers))

    def header(self, name: str) -> str:
        return dict(self.headers).get(name, b"").decode()

    @property
    def event_id(self) -> str:
        return self.header("ce_id")


class KafkaProbe:
    """Reads and writes as any Kafka client could."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    def records_of(self, journey: str) -> list[Record]:
        """Every record of a journey, topic by topic, in the order of its partition."""
        everything = run_sync(self._read())
        return [r for r in everything if r.header("ce_correlationid") == journey]

    def repeats(self, records: Sequence[Record]) -> None:
        """Say all of it again: same topic, partition, key, headers, value."""
        run_sync(self._send(records))

    def sees_all_applied(self) -> None:
        """Every group has passed everything that lies in its topics."""
        eventually(
            lambda: run_sync(self._behind()),
            lambda behind: behind == {},
            what="every group at the end of its topics",
        )

    async def _read(self) -> list[Record]:
        async with AIOKafkaConsumer(bootstrap_servers=self._bootstrap) as consumer:
            ends = await self._ends(consumer)
            consumer.assign(list(ends))
            await consumer.seek_to_beginning()
            found: list[Record] = []
            while any([await consumer.position(p) < end for p, end in ends.items()]):
                batches = await consumer.getmany(timeout_ms=500)
                found += [Record.of(r) for batch in batches.values() for r in batch]
            return found

    async def _send(self, records: Sequence[Record]) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self._bootstrap, acks="all") as producer:
            for r in records:
                await producer.send_and_wait(
                    r.topic, r.value, key=r.key, partition=r.partition, headers=list(r.headers)
                )

    async def _ends(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
        topics = [f"ltc.{stage}.v1" for stage in STAGES]
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await admin.start()
        try:
            described = await admin.describe_topics(topics)
        finally:
            await admin.close()
        partitions = [
            TopicPartition(topic["topic"], partition["partition"])
            for topic in described
            for partition in topic["partitions"]
        ]
        assert len({partition.topic for partition in partitions}) == len(topics)
        ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
        return ends

    async def _behind(self) -> dict[str, int]:
        """By group, how many records it has not passed yet."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await admin.start()
        try:
            async with AIOKafkaConsumer(bootstrap_servers=self._bootstrap) as consumer:
                ends = await self._ends(consumer)
            behind: dict[str, int] = {}
            for group in GROUPS:
                offsets = await admin.list_consumer_group_offsets(group)
                left = sum(ends[p] - m.offset for p, m in offsets.items() if p in ends)
                assert offsets, f"{group} has no offsets"
                if left:
                    behind[group] = left
            return behind
        finally:
            await admin.close()
