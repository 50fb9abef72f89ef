"""``python -m chassis.topics``: the topic manifest, a deploy step of its own.

The broker never creates a topic by itself. Needs the ``LTC_KAFKA_`` settings alone, as somebody who
may create topics; a cluster of several brokers wants ``--replication 3``, and one with very many
journeys ``--partitions`` (docs/scaling.md), chosen once: it cannot be changed later.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import time

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from chassis.cluster import Cluster
from chassis.exits import GaveUp, MustStop, TopicMissing, leave
from chassis.settings import read_cluster
from contracts.catalog import PARTITIONS, PUBLIC_TOPICS, STATE_TOPICS

VISIBLE_WITHIN_S = 10.0


async def ensure_topics(
    cluster: Cluster, *, replication: int = 1, partitions: int = PARTITIONS
) -> int:
    """Create what is missing; returns how many. Refuses a topic with another partition count,
    because growing one in place would send a key's facts to another partition."""
    admin = AIOKafkaAdminClient(**cluster.client())
    await admin.start()
    try:
        wanted = {
            **{t: {"retention.ms": "604800000"} for t in PUBLIC_TOPICS},
            **{t: {"cleanup.policy": "compact"} for t in STATE_TOPICS},
        }
        existing = set(await admin.list_topics())
        missing = [
            NewTopic(name, partitions, replication, topic_configs=config)
            for name, config in wanted.items()
            if name not in existing
        ]
        if missing:
            answer = await admin.create_topics(missing)
            for topic, code, reason in answer.topic_errors:
                if code not in (0, TopicAlreadyExistsError.errno):  # a colleague may be as quick
                    raise TopicMissing(f"topic {topic} could not be created: {reason}")
        _refuse_other_counts(await _partition_counts(admin, set(wanted)), partitions)
        return len(missing)
    finally:
        await admin.close()


async def _partition_counts(admin: AIOKafkaAdminClient, wanted: set[str]) -> dict[str, int]:
    """Partitions by topic, once the broker tells of all of them: it may take a moment to."""
    deadline = time.monotonic() + VISIBLE_WITHIN_S
    while True:
        found = await admin.describe_topics(sorted(wanted))
        counts = {t["topic"]: len(t["partitions"]) for t in found if t["partitions"]}
        if wanted <= counts.keys():
            return counts
        if time.monotonic() > deadline:
            gone = ", ".join(sorted(wanted - counts.keys()))
            raise TopicMissing(f"Kafka does not show topic {gone}, {VISIBLE_WITHIN_S:.0f} s later")
        await asyncio.sleep(0.1)


def _refuse_other_counts(counts: dict[str, int], wanted: int) -> None:
    for topic, count in counts.items():
        if count != wanted:
            raise TopicMissing(
                f"topic {topic} has {count} partitions instead of {wanted}:"
                " publish a new topic version instead of changing it"
            )


async def _make(cluster: Cluster, replication: int, partitions: int) -> None:
    await cluster.be_let_in()
    await ensure_topics(cluster, replication=replication, partitions=partitions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replication", type=int, default=1, help="copies of each record")
    parser.add_argument("--partitions", type=int, default=PARTITIONS, help="of each topic")
    arguments = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        cluster = read_cluster()
        try:
            asyncio.run(_make(cluster, arguments.replication, arguments.partitions))
        except (KafkaError, OSError) as error:
            raise GaveUp(f"no topics were made at {cluster}: {error}") from error
    except MustStop as error:
        leave(error)


if __name__ == "__main__":
    main()
