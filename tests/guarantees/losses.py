"""Losing things on purpose: offsets, records, the younger part of a database."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import DeleteGroupsRequest

from contracts.catalog import PARTITIONS
from local_infra.errors import CannotStart
from local_infra.postgres import admit
from local_infra.processes import run_sync
from testkit.deadline import DEADLINE_S
from testkit.installation.controlled import ControlledInstallation
from testkit.installation.faulty import FaultyInstallation
from testkit.quiescence import health

T = TypeVar("T")


def patiently(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Try until it succeeds: another fault may be at work on what it needs."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            return run_sync(work())
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, KafkaError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def expire(rig: ControlledInstallation, topic: str) -> None:
    """Drop every record of a topic, as retention does in time."""

    async def drop() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=rig.bootstrap)
        try:
            await admin.start()
            everything = RecordsToDelete(before_offset=-1)
            partitions = [TopicPartition(topic, n) for n in range(PARTITIONS)]
            await admin.delete_records(dict.fromkeys(partitions, everything))
        finally:
            await admin.close()

    patiently(drop)


def rewind(rig: ControlledInstallation, name: str) -> int:
    """Set a stopped service's group back to the first record; how many records come again."""
    return patiently(lambda: _rewind(rig, name))


def lose_offsets(rig: ControlledInstallation, name: str) -> None:
    """Make Kafka forget how far a stopped service had come."""
    group = rig.service(name).consumer.group
    patiently(lambda: _delete_group(rig, group))


async def _rewind(rig: ControlledInstallation, name: str) -> int:
    listens = rig.service(name).consumer
    consumer = AIOKafkaConsumer(
        bootstrap_servers=rig.bootstrap, group_id=listens.group, enable_auto_commit=False
    )
    try:
        await consumer.start()
        partitions = [TopicPartition(t, n) for t in listens.topics for n in range(PARTITIONS)]
        consumer.assign(partitions)
        firsts = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        await consumer.commit(firsts)
        return sum(ends[p] - firsts[p] for p in partitions)
    finally:
        await consumer.stop()


async def _delete_group(rig: ControlledInstallation, group: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=rig.bootstrap)
    try:
        await admin.start()
        deadline = time.monotonic() + DEADLINE_S
        while True:
            coordinator = await admin.find_coordinator(group)
            answer = await admin._send_request(DeleteGroupsRequest([group]), coordinator)
            [(_, code, *_)] = answer.results
            if not code:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"group {group} could not be deleted: error {code}")
    finally:
        await admin.close()


def copy_database(rig: ControlledInstallation, name: str, copy: str) -> None:
    """Keep a dump of a stopped service's database under another name."""
    patiently(
        lambda: _admin(
            rig,
            f'DROP DATABASE IF EXISTS "{copy}"',
            f'CREATE DATABASE "{copy}" TEMPLATE "{name}"',
        )
    )


def restore(rig: ControlledInstallation, name: str, copy: str) -> None:
    """Put a dump in the place of a stopped service's database."""
    patiently(
        lambda: _admin(
            rig,
            f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)',
            f'CREATE DATABASE "{name}" TEMPLATE "{copy}" OWNER "{name}"',
            admits=name,
        )
    )


async def _admin(rig: ControlledInstallation, *statements: str, admits: str | None = None) -> None:
    connection = await asyncpg.connect(rig.postgres.admin_dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
        if admits is not None:
            await admit(connection, admits)  # who may connect is no part of a copy
    finally:
        await connection.close()


def start_unready(rig: FaultyInstallation, name: str) -> str:
    """Start a service that is expected not to become ready; what it says of itself."""
    rig.start_at_all(name)
    deadline = time.monotonic() + DEADLINE_S
    status = ""
    while time.monotonic() < deadline:
        status = readiness(rig, name)
        if status not in ("", "starting", "ready"):
            return status
        time.sleep(0.2)
    raise AssertionError(f"{name} says {status!r} of itself after {DEADLINE_S:.0f} s")


def readiness(rig: ControlledInstallation, name: str) -> str:
    """``ready``, or why not; empty while nobody answers."""
    return health(rig, name).get("status", "")


def ready_again(rig: ControlledInstallation, name: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while readiness(rig, name) != "ready":
        assert time.monotonic() < deadline, f"{name} is not ready: {readiness(rig, name)}"
        time.sleep(0.2)


def ltc(rig: ControlledInstallation, *words: str, expect: Sequence[int] = (0,)) -> dict[str, Any]:
    """Run `ltc … --json` against the installation; what it printed: nothing where it could not
    start, if that is expected."""
    done = rig.run(*words, "--json")
    told = f"{words}: {done.returncode}\n{done.stdout}{done.stderr[-3000:]}"
    assert done.returncode in expect, told
    if done.returncode == CannotStart.exit_code:
        return {}
    assert done.stdout.strip(), told
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer
