"""How far every group has come in every topic of ours, asked of Kafka."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError
from pydantic import BaseModel

from chassis.cluster import Cluster
from chassis.problems import Problem
from contracts.catalog import PUBLIC_TOPICS, STATE_TOPICS

WITHIN_S = 5.0
RATE_OVER_S = 60.0
"""Rates are of about the last minute in which somebody looked."""
AGED = 12
"""Of so many backlogs the age is found out, the largest first: each costs a read of one record."""
READ_WITHIN_S = 0.5
FETCH_WAIT_MS = 50
"""Short: the answer about one partition is waited for before the next is asked about."""
OURS = (*PUBLIC_TOPICS, *STATE_TOPICS)

Offsets = dict[TopicPartition, int]


class GroupLag(BaseModel):
    """One consumer group in one topic."""

    group: str
    lag: int
    """Records not yet committed."""
    lag_s: float | None
    """How long the next record has been waiting where most wait; none when it was not found out."""
    members: int
    state: str


class Topic(BaseModel):
    """One topic and who hears it."""

    topic: str
    partitions: int
    end: int
    """Records ever said."""
    rate_per_s: float | None
    """None until it was looked at twice."""
    groups: list[GroupLag]


class KafkaLook:
    """What is kept between two looks: ends of before, for rates."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._before: deque[tuple[float, dict[str, int]]] = deque()

    async def look(self) -> list[Topic]:
        """All topics of ours that exist. Raises Problem (503) when Kafka does not answer."""
        try:
            async with asyncio.timeout(WITHIN_S), _clients(self._cluster) as (admin, consumer):
                return await self._look(admin, consumer)
        except (KafkaError, OSError, TimeoutError) as error:
            why = str(error) or type(error).__name__
            raise Problem(503, f"Kafka at {self._cluster} does not answer: {why}") from error

    async def _look(self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer) -> list[Topic]:
        partitions = await _partitions(admin)
        await consumer._client.set_topics({p.topic for p in partitions})
        ends: Offsets = await consumer.end_offsets(partitions)
        described = await _groups(admin)
        reached = await asyncio.gather(*(admin.list_consumer_group_offsets(g) for g in described))
        behind = {
            group: _behind(ends, {p: said.offset for p, said in told.items()})
            for group, told in zip(described, reached, strict=True)
        }
        ages = await _ages(consumer, ends, behind)
        heard: dict[str, list[GroupLag]] = defaultdict(list)
        for group, (state, members) in sorted(described.items()):
            for topic, lags in behind[group].items():
                lag, age = sum(ends[p] - at for p, at in lags.items()), ages.get((group, topic))
                heard[topic].append(
                    GroupLag(
                        group=group,
                        lag=lag,
                        lag_s=age if lag else 0.0,
                        members=members,
                        state=state,
                    )
                )
        return self._told(partitions, ends, heard)

    def _told(
        self, partitions: list[TopicPartition], ends: Offsets, heard: dict[str, list[GroupLag]]
    ) -> list[Topic]:
        counts: dict[str, int] = defaultdict(int)
        totals: dict[str, int] = defaultdict(int)
        for partition in partitions:
            counts[partition.topic] += 1
            totals[partition.topic] += ends[partition]
        now = time.monotonic()
        while len(self._before) > 1 and now - self._before[0][0] > RATE_OVER_S:
            self._before.popleft()
        since, then = self._before[0] if self._before else (now, {})
        self._before.append((now, dict(totals)))
        return [
            Topic(
                topic=topic,
                partitions=count,
                end=totals[topic],
                rate_per_s=(
                    round(max(0, totals[topic] - then[topic]) / (now - since), 3)
                    if topic in then
                    else None
                ),
                groups=heard[topic],
            )
            for topic, count in sorted(counts.items())
        ]


@asynccontextmanager
async def _clients(
    cluster: Cluster,
) -> AsyncIterator[tuple[AIOKafkaAdminClient, AIOKafkaConsumer]]:
    admin = AIOKafkaAdminClient(**cluster.client())
    consumer = AIOKafkaConsumer(
        **cluster.client(), enable_auto_commit=False, fetch_max_wait_ms=FETCH_WAIT_MS
    )
    try:
        await admin.start()
        await consumer.start()
        yield admin, consumer
    finally:
        await consumer.stop()
        await admin.close()


async def _partitions(admin: AIOKafkaAdminClient) -> list[TopicPartition]:
    """Those of our topics that we may see."""
    found = await admin.describe_topics(list(OURS))
    return [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in found
        for partition in topic["partitions"]
    ]


async def _groups(admin: AIOKafkaAdminClient) -> dict[str, tuple[str, int]]:
    """State and members of every group that we may see."""
    names = [group for group, _ in await admin.list_consumer_groups()]
    # One by one: the client misreads an answer about several groups (it takes version 3 for 2).
    asked = [admin.describe_consumer_groups([name]) for name in names]
    answers = [answer for answers in await asyncio.gather(*asked) for answer in answers]
    described = (group for answer in answers for group in answer.groups)
    return {group[1]: (group[2], len(group[5])) for group in described if group[0] == 0}


def _behind(ends: Offsets, reached: Offsets) -> dict[str, Offsets]:
    """By topic, where a group is in each partition that it has ever committed to."""
    found: dict[str, Offsets] = defaultdict(dict)
    for partition, offset in reached.items():
        if partition in ends and offset >= 0:
            found[partition.topic][partition] = min(offset, ends[partition])
    return found


async def _ages(
    consumer: AIOKafkaConsumer, ends: Offsets, behind: dict[str, dict[str, Offsets]]
) -> dict[tuple[str, str], float]:
    """How long the next record of a backlog has been waiting, by group and topic."""
    worst = [
        (group, max(lags.items(), key=lambda at: ends[at[0]] - at[1]))
        for group, topics in behind.items()
        for lags in topics.values()
    ]
    waiting = sorted(
        ((ends[p] - at, group, p, at) for group, (p, at) in worst if ends[p] > at), reverse=True
    )
    found: dict[tuple[str, str], float] = {}
    for _, group, partition, offset in waiting[:AGED]:
        said_at = await _said_at(consumer, partition, offset)
        if said_at is not None:
            found[group, partition.topic] = round(max(0.0, time.time() - said_at), 3)
    return found


async def _said_at(
    consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int
) -> float | None:
    """When the first record from an offset on was said; none when we may not read it."""
    consumer.assign([partition])
    consumer.seek(partition, offset)
    try:
        fetched = await consumer.getmany(timeout_ms=int(READ_WITHIN_S * 1000), max_records=1)
    except TopicAuthorizationFailedError:
        return None
    return next((r.timestamp / 1000 for records in fetched.values() for r in records), None)
