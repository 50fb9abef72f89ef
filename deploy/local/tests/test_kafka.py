"""The local Kafka: locked jars, the topic manifest, durable records."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from chassis.cluster import Cluster
from contracts.catalog import PARTITIONS, PUBLIC_TOPICS, STATE_TOPICS
from local_infra import kafka
from local_infra.errors import CannotStart
from local_infra.jars import is_whole
from local_infra.kafka import Kafka
from local_infra.ports import free_port
from local_infra.topics import ensure_topics
from testkit.deadline import DEADLINE_S

RECORDS = 200


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    broker = Kafka(tmp_path_factory.mktemp("kafka"), free_port(), free_port())
    broker.start()
    yield broker
    broker.stop()


async def test_topic_manifest_creates_every_topic_once(broker: Kafka) -> None:
    assert await ensure_topics(Cluster(broker.bootstrap)) == len(PUBLIC_TOPICS) + len(STATE_TOPICS)
    assert await ensure_topics(Cluster(broker.bootstrap)) == 0

    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    found = await admin.describe_topics([*PUBLIC_TOPICS, *STATE_TOPICS])
    await admin.close()
    assert {len(topic["partitions"]) for topic in found} == {PARTITIONS}


async def test_kafka_keeps_acknowledged_records_after_a_kill(broker: Kafka) -> None:
    topic = PUBLIC_TOPICS[0]
    producer = AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap, acks="all", enable_idempotence=True
    )
    await producer.start()
    for number in range(RECORDS):
        await producer.send_and_wait(topic, str(number).encode(), partition=0)
    await producer.stop()
    process = broker.child.process()
    assert process is not None
    process.kill()
    process.wait(5)

    broker.start()

    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, enable_auto_commit=False)
    await consumer.start()
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    await consumer.seek_to_beginning(partition)
    kept = [int((await consumer.getone()).value or b"") for _ in range(RECORDS)]
    await consumer.stop()
    assert kept == list(range(RECORDS))


async def test_topic_manifest_refuses_another_partition_count(broker: Kafka) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    await admin.delete_topics([STATE_TOPICS[-1]])
    await admin.create_topics([NewTopic(STATE_TOPICS[-1], PARTITIONS + 1, 1)])
    async with asyncio.timeout(DEADLINE_S):  # a busy broker tells of the deleted one for a while
        while True:
            [shown] = await admin.describe_topics([STATE_TOPICS[-1]])
            if len(shown["partitions"]) == PARTITIONS + 1:
                break
            await asyncio.sleep(0.1)
    await admin.close()

    with pytest.raises(CannotStart, match=f"{STATE_TOPICS[-1]} has {PARTITIONS + 1} partitions"):
        await ensure_topics(Cluster(broker.bootstrap))


def test_kafka_jars_match_the_lock() -> None:
    kafka.JARS.ensure()

    locked = dict(line.split(" sha256:") for line in kafka.LOCK.read_text().splitlines())
    assert len(locked) == 92
    for coordinates, digest in locked.items():
        jar = kafka.JARS.file(coordinates)
        assert hashlib.sha256(jar.read_bytes()).hexdigest() == digest


def test_kafka_lock_contains_no_host_name() -> None:
    assert "://" not in kafka.LOCK.read_text()


def test_kafka_refuses_a_jar_that_does_not_match_the_lock(tmp_path: Path) -> None:
    source = next(kafka.JARS.ensure().glob("*.jar"))
    forged = tmp_path / "forged.jar"
    forged.write_bytes(source.read_bytes() + b"!")

    assert not is_whole(forged, hashlib.sha256(source.read_bytes()).hexdigest())
    assert is_whole(source, hashlib.sha256(source.read_bytes()).hexdigest())


def test_kafka_formats_storage_for_any_cluster_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One random id in 64 begins with a dash and looks like an option."""
    monkeypatch.setattr("uuid.uuid4", lambda: UUID(bytes=b"\xf8" + b"\x01" * 15))
    unlucky = Kafka(tmp_path, free_port(), free_port())
    unlucky._write_config()

    unlucky._format(kafka.JARS.ensure())

    assert "cluster.id=-AEBAQ" in (unlucky.logs / "meta.properties").read_text()


def test_kafka_writes_the_storage_that_its_tool_writes(tmp_path: Path) -> None:
    ours = Kafka(tmp_path / "ours", free_port(), free_port())
    tools = Kafka(tmp_path / "tools", free_port(), free_port())
    for broker in (ours, tools):
        broker._write_config()
    ours._format(kafka.JARS.ensure())
    tools._format_with_tool(kafka.JARS.ensure())

    names = {
        broker: sorted(file.name for file in broker.logs.iterdir()) for broker in (ours, tools)
    }
    assert names[ours] == names[tools]
    keys = [
        {
            line.split("=")[0]
            for line in (broker.logs / "meta.properties").read_text().splitlines()
            if not line.startswith("#")
        }
        for broker in (ours, tools)
    ]
    assert keys[0] == keys[1]


def test_kafka_maps_its_classes_from_the_archive_of_a_first_run(broker: Kafka) -> None:
    archive = kafka.start_files(kafka.JARS.ensure()) / kafka.ARCHIVE

    process = broker.child.process()

    assert process is not None
    assert str(archive) in {region.path for region in process.memory_maps()}
