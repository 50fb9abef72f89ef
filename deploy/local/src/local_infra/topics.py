"""The product's topics on a local broker."""

from __future__ import annotations

import logging

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from chassis import topics
from chassis.cluster import Cluster
from chassis.exits import MustStop
from contracts.catalog import PARTITIONS
from local_infra.errors import CannotStart
from local_infra.processes import run_sync


def answers(cluster: Cluster) -> bool:
    """Whether a broker answers a metadata request."""

    async def ask() -> bool:
        admin = AIOKafkaAdminClient(**cluster.client(), request_timeout_ms=2000)
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


async def ensure_topics(
    cluster: Cluster, *, replication: int = 1, partitions: int = PARTITIONS
) -> int:
    """`chassis.topics.ensure_topics`, for commands that end with this package's exit codes."""
    try:
        return await topics.ensure_topics(cluster, replication=replication, partitions=partitions)
    except MustStop as error:
        raise CannotStart(str(error)) from error
