"""Every record of every public topic, read without a consumer group and without a trace."""

from __future__ import annotations

import csv
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import md5
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from chassis.cluster import Cluster
from chassis.delivery import position_id
from contracts.catalog import PUBLIC_TOPICS
from contracts.envelope import Envelope, MalformedEnvelope
from ltc.verify.databases import Copied
from ltc.verify.sources import CannotCheck

Offsets = dict[TopicPartition, int]

RECORD = (
    ("topic", "VARCHAR"),
    ("partition", "INTEGER"),
    ("position", "BIGINT"),
    ("put_at", "TIMESTAMPTZ"),
    ("key", "VARCHAR"),
    ("id", "VARCHAR"),
    ("stray_id", "UUID"),
    ("type", "VARCHAR"),
    ("source", "VARCHAR"),
    ("subject", "VARCHAR"),
    ("version", "VARCHAR"),
    ("journey_id", "VARCHAR"),
    ("causation_id", "VARCHAR"),
    ("hash", "VARCHAR"),
    ("early", "BOOLEAN"),
)
"""A record as it lies on its topic. ``early``: it was there before the databases were looked at.
``stray_id``: by what a consumer parks a record that names no event."""
HEADERS = (
    "ce_type",
    "ce_source",
    "ce_subject",
    "ce_sequence",
    "ce_correlationid",
    "ce_causationid",
)


@dataclass
class Topics:
    """The topics between two moments: before the databases are looked at, and after."""

    consumer: AIOKafkaConsumer
    begin: Offsets
    early: Offsets
    read_to: Offsets = field(default_factory=dict)
    first_at: dict[TopicPartition, datetime] = field(default_factory=dict)

    async def read(self, folder: Path, say: Callable[[str], None]) -> list[Copied]:
        """All records from the first to what is there now, as files. Raises CannotCheck."""
        try:
            self.read_to = await self.consumer.end_offsets(list(self.early))
            count = await self._read(folder / "record.csv")
        except KafkaError as error:
            raise CannotCheck(f"the topics cannot be read: {error!r}") from error
        say(f"{count} records of {len(PUBLIC_TOPICS)} topics read")
        kept = folder / "kept.csv"
        with kept.open("w", newline="", encoding="utf-8") as file:
            for p, begin in self.begin.items():
                since = self.first_at.get(p, datetime.now(UTC)) if begin else ""
                csv.writer(file).writerow([p.topic, p.partition, begin, self.read_to[p], since])
        columns = (
            ("topic", "VARCHAR"),
            ("partition", "INTEGER"),
            ("first", "BIGINT"),
            ("upto", "BIGINT"),
            ("since", "TIMESTAMPTZ"),
        )
        return [Copied("record", RECORD, folder / "record.csv"), Copied("kept", columns, kept)]

    async def _read(self, path: Path) -> int:
        open_ = {p for p, end in self.read_to.items() if end > self.begin[p]}
        self.consumer.assign(list(open_))
        for partition in open_:
            self.consumer.seek(partition, self.begin[partition])
        count = 0
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            while open_:
                batches = await self.consumer.getmany(timeout_ms=1000)
                for partition, records in batches.items():
                    end, early = self.read_to[partition], self.early[partition]
                    wanted = [r for r in records if r.offset < end]
                    if wanted and partition not in self.first_at:
                        first_ms = wanted[0].timestamp
                        self.first_at[partition] = datetime.fromtimestamp(first_ms / 1000, UTC)
                    writer.writerows([_row(r, early) for r in wanted])
                    count += len(wanted)
                for partition in list(open_):
                    if await self.consumer.position(partition) >= self.read_to[partition]:
                        open_.discard(partition)
                        self.consumer.pause(partition)
        return count


def _row(record: Any, early: int) -> list[Any]:
    headers = dict(record.headers)
    identity = _identity(record)
    return [
        record.topic,
        record.partition,
        record.offset,
        datetime.fromtimestamp(record.timestamp / 1000, UTC).isoformat(),
        _text(record.key),
        identity,
        "" if identity else position_id(record),
        *(_text(headers.get(name)) for name in HEADERS),
        md5(record.value, usedforsecurity=False).hexdigest() if record.value is not None else "",
        record.offset < early,
    ]


def _identity(record: Any) -> str:
    """By what an event is known; empty of a record whose headers make no envelope."""
    try:
        return str(Envelope.from_headers(record.headers).id)
    except MalformedEnvelope:
        return ""


def _text(value: bytes | None) -> str:
    return value.decode("utf-8", "backslashreplace").replace("\0", "") if value else ""


@asynccontextmanager
async def topics(cluster: Cluster) -> AsyncIterator[Topics]:
    """The topics as they are now; what is read of them ends later. Raises CannotCheck."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    consumer = AIOKafkaConsumer(
        **cluster.client(),
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_partition_fetch_bytes=4 * 1024 * 1024,
        fetch_max_bytes=64 * 1024 * 1024,
        check_crcs=False,
        request_timeout_ms=10_000,
    )
    try:
        await consumer.start()
        partitions = await _partitions(consumer)
        begin = await consumer.beginning_offsets(partitions)
        early = await consumer.end_offsets(partitions)
    except (KafkaError, OSError) as error:
        await consumer.stop()
        raise CannotCheck(f"no Kafka answers at {cluster}: {error!r}") from error
    try:
        yield Topics(consumer, begin, early)
    finally:
        await consumer.stop()


async def _partitions(consumer: AIOKafkaConsumer) -> list[TopicPartition]:
    found: list[TopicPartition] = []
    await consumer._client.set_topics(list(PUBLIC_TOPICS))
    for topic in PUBLIC_TOPICS:
        numbers = consumer.partitions_for_topic(topic)
        if not numbers:
            raise CannotCheck(f"topic {topic} does not exist")
        found += [TopicPartition(topic, n) for n in sorted(numbers)]
    return found


async def committed(cluster: Cluster, groups: Sequence[str]) -> list[tuple[str, str, int, int]]:
    """How far each group says it has come: group, topic, partition, offset. Raises CannotCheck."""
    admin = AIOKafkaAdminClient(**cluster.client(), request_timeout_ms=10_000)
    try:
        await admin.start()
        found: list[tuple[str, str, int, int]] = []
        for group in groups:
            offsets = await admin.list_consumer_group_offsets(group)
            found += [(group, p.topic, p.partition, o.offset) for p, o in offsets.items()]
    except (KafkaError, OSError) as error:
        raise CannotCheck(f"the consumer groups cannot be read: {error!r}") from error
    else:
        return [row for row in found if row[3] >= 0]
    finally:
        await admin.close()
