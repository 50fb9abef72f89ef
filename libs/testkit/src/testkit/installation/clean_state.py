"""Clean data in about a second: databases from templates, topics cut at their end, groups there.

Of a topic that was cut the checker asks nothing for a minute (D2), as it cannot know what is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from contracts.catalog import PARTITIONS, PUBLIC_TOPICS
from local_infra.postgres import admit
from testkit.deadline import DEADLINE_S

"""A member that was killed holds its group until its session is over."""


async def keep_clean(admin_dsn: str, names: Sequence[str]) -> None:
    """Keep a copy of each database as it is now."""
    admin = await asyncpg.connect(admin_dsn)
    try:
        for name in names:
            await admin.execute(f'CREATE DATABASE "{name}_clean" TEMPLATE "{name}"')
    finally:
        await admin.close()


async def clean(
    admin_dsn: str,
    bootstrap: str,
    names: Sequence[str],
    stopped: Mapping[str, Sequence[str]],
    living: Mapping[str, str],
) -> None:
    """Back to those copies, on topics without records. ``stopped``: topics by consumer group that
    has no member. ``living``: by service the group that goes on; its database keeps what its
    offsets refer to, since a service that found it gone would rightly refuse to hear."""
    events = await _referred_to(bootstrap, living)
    await _recreate(admin_dsn, names, events, living)
    await _cut(bootstrap)
    await asyncio.gather(*(_go_to_end(bootstrap, g, topics) for g, topics in stopped.items()))


async def _referred_to(bootstrap: str, living: Mapping[str, str]) -> dict[str, list[str]]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        offsets = {n: await admin.list_consumer_group_offsets(g) for n, g in living.items()}
    finally:
        await admin.close()
    return {
        name: [at.metadata for at in of.values() if at.metadata] for name, of in offsets.items()
    }


async def _recreate(
    admin_dsn: str,
    names: Sequence[str],
    events: Mapping[str, Sequence[str]],
    living: Mapping[str, str],
) -> None:
    admin = await asyncpg.connect(admin_dsn)
    try:
        for name in names:
            await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{name}_clean" OWNER "{name}"')
            await admit(admin, name)
            if events.get(name):
                await _enter(admin_dsn, name, living[name], events[name])
    finally:
        await admin.close()


async def _enter(admin_dsn: str, name: str, group: str, events: Sequence[str]) -> None:
    connection = await asyncpg.connect(admin_dsn, database=name)
    try:
        await connection.execute(
            "INSERT INTO inbox SELECT $1, unnest($2::uuid[]), now() ON CONFLICT DO NOTHING",
            group,
            list(events),
        )
    finally:
        await connection.close()


async def _cut(bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        everything = RecordsToDelete(before_offset=-1)
        await admin.delete_records(dict.fromkeys(_partitions(PUBLIC_TOPICS), everything))
    finally:
        await admin.close()


async def _go_to_end(bootstrap: str, group: str, topics: Sequence[str]) -> None:
    """Commit the end of every partition, once the group has no member left."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        partitions = _partitions(topics)
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        async with asyncio.timeout(DEADLINE_S):
            while True:
                try:
                    await consumer.commit(ends)
                except Exception:
                    await asyncio.sleep(0.5)
                else:
                    return
    finally:
        await consumer.stop()


def _partitions(topics: Sequence[str]) -> list[TopicPartition]:
    return [TopicPartition(topic, n) for topic in topics for n in range(PARTITIONS)]
