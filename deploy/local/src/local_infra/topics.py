"""The topic manifest: created by a step of its own; the broker never creates one by itself."""

from __future__ import annotations

import logging

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from contracts.catalog import PARTITIONS, PUBLIC_TOPICS, STATE_TOPICS
from local_infra.errors import CannotStart
from local_infra.processes import run_sync


def answers(bootstrap: str) -> bool:
    """Whether a broker answers a metadata request."""

    async def ask() -> bool:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=2000)
        try:
            await admin.start()
            await admin.list_topics()
        except (KafkaError, OSError):
            return False
        finally:
            await admin.close()
        return True

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    return run_sync(ask())


async def ensure_topics(bootstrap: str, *, replication: int = 1) -> int:
    """Create what is missing; returns how many. Refuses a topic with another partition count,
    because growing one in place would send a key's facts to another partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        wanted = {
            **{t: {"retention.ms": "604800000"} for t in PUBLIC_TOPICS},
            **{t: {"cleanup.policy": "compact"} for t in STATE_TOPICS},
        }
        existing = set(await admin.list_topics())
        for found in await admin.describe_topics([t for t in wanted if t in existing] or None):
            count = len(found["partitions"])
            if found["topic"] in wanted and count != PARTITIONS:
                raise CannotStart(
                    f"topic {found['topic']} has {count} partitions instead of {PARTITIONS}:"
                    " publish a new topic version instead of changing it"
                )
        missing = [
            NewTopic(name, PARTITIONS, replication, topic_configs=config)
            for name, config in wanted.items()
            if name not in existing
        ]
        if missing:
            answer = await admin.create_topics(missing)
            for topic, code, reason in answer.topic_errors:
                if code not in (0, TopicAlreadyExistsError.errno):  # a colleague may be as quick
                    raise CannotStart(f"topic {topic} could not be created: {reason}")
        return len(missing)
    finally:
        await admin.close()
