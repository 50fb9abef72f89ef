"""Writing to topics past their owners, and joining groups without working."""

from __future__ import annotations

import asyncio
import threading
from random import Random
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from chassis.consumer import Consumer
from chassis.delivery import RawRecord, position_id
from contracts.catalog import PARTITIONS, PUBLIC_TOPICS
from contracts.ids import new_id
from local_infra.processes import run_sync
from ltc.people import Person
from testkit.installation.controlled import NAMES
from testkit.installation.faulty import FaultyInstallation
from tests.guarantees.losses import patiently


def repeat(world: FaultyInstallation, chance: Random, *, share: float) -> int:
    """Send a share of all records again, one to three times, where they are; how many."""
    return patiently(lambda: _repeat(world.bootstrap, chance, share))


async def _repeat(bootstrap: str, chance: Random, share: float) -> int:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    sent = 0
    try:
        await consumer.start()
        await producer.start()
        partitions = [TopicPartition(t, n) for t in PUBLIC_TOPICS for n in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        left = {p: end for p, end in (await consumer.end_offsets(partitions)).items() if end}
        while left:
            for partition, polled in (await consumer.getmany(timeout_ms=500)).items():
                for record in polled:
                    if record.offset < left.get(partition, 0) and chance.random() < share:
                        for _ in range(chance.randint(1, 3)):
                            await producer.send(
                                record.topic,
                                record.value,
                                key=record.key,
                                partition=record.partition,
                                headers=list(record.headers),
                            )
                            sent += 1
            for partition in [*left]:
                if await consumer.position(partition) >= left[partition]:
                    del left[partition]
        await producer.flush()
    finally:
        await producer.stop()
        await consumer.stop()
    return sent


def poison(world: FaultyInstallation, chance: Random) -> int:
    """Records that nobody can read: no headers, a null header, half a value, no value."""
    event_id = str(new_id())
    envelope: list[tuple[str, Any]] = [
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_type", b"ltc.contract.signed.v1"),
        ("ce_source", b"/ltc/contract-svc"),
        ("ce_subject", str(uuid4()).encode()),
        ("ce_time", b"2026-11-24T08:00:00Z"),
        ("ce_sequence", b"1"),
        ("ce_correlationid", str(uuid4()).encode()),
    ]
    world.forged.add(event_id)
    bad: list[tuple[bytes | None, bytes | None, list[tuple[str, Any]]]] = [
        (None, b"\xff\xfe not json", []),
        (str(uuid4()).encode(), b'{"contract_id": "', envelope),
        (str(uuid4()).encode(), b"{}", [("ce_type", None)]),
        (str(uuid4()).encode(), None, [("ce_type", b"ltc.contract.signed.v1")]),
    ]
    partition = chance.randrange(PARTITIONS)

    async def send() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=world.bootstrap, acks="all")
        try:
            await producer.start()
            for key, value, headers in bad:
                at = await producer.send_and_wait(
                    "ltc.contract.v1", value, key=key, headers=headers, partition=partition
                )
                place = RawRecord(at.topic, at.partition, at.offset, key, value, headers)
                world.forged.add(str(position_id(place)))
        finally:
            await producer.stop()

    patiently(send)
    return len(bad)


def dead_keys(world: FaultyInstallation, name: str) -> list[tuple[str, str]]:
    """Keys of a service that wait for a person."""
    rows = world.rows(
        name, "SELECT topic, key FROM parked_key WHERE error_class = 'Undecodable' ORDER BY 1, 2"
    )
    return [(row[0], row[1]) for row in rows]


def give_up_poison(world: FaultyInstallation) -> list[str]:
    """Skip what cannot be read, through the door that people have for it."""
    done = []
    with Person(world.settings, "ops-1", "On call", "ops") as ops:
        for name in NAMES:
            keys = dead_keys(world, name)
            for topic, key in keys:
                ops.post(name, f"/ops/parked/{topic}/{key}/skip", {"reason": "no fact"})
            done += [f"gave up {len(keys)} records at {name}"] if keys else []
    return done


def come_and_go(world: FaultyInstallation, listens: Consumer, over: threading.Event) -> None:
    """Join a group for a second and leave it, every three seconds until told."""

    async def storm() -> None:
        while not over.is_set():
            member = AIOKafkaConsumer(
                *listens.topics,
                bootstrap_servers=world.bootstrap,
                group_id=listens.group,
                enable_auto_commit=False,
                auto_offset_reset="none",
            )
            try:
                await member.start()
                await asyncio.sleep(1.0)
            except KafkaError:
                pass  # another fault is at work: again in a moment
            finally:
                await member.stop()
            await asyncio.sleep(2.0)

    run_sync(storm())
