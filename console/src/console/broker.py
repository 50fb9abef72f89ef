"""Kafka, asked how far each consumer group has come: at most once a second however many ask."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Annotated

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from fastapi import Depends, Request

from chassis.cluster import Cluster
from contracts.catalog import STAGES

logger = logging.getLogger(__name__)

Committed = Mapping[str, Mapping[tuple[str, int], int]]
GROUPS = tuple(f"{stage}-svc" for stage in STAGES)
FRESH_S = 1.0
AWAY_S = 5.0
"""So long nobody asks again after no answer: each try would cost whoever asks two seconds."""
PATIENCE_MS = 2_000


class Broker:
    """One connection of this process to ask by."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._admin: AIOKafkaAdminClient | None = None
        self._lock = asyncio.Lock()
        self._seen: Committed = {}
        self._seen_at = float("-inf")

    async def committed(self) -> Committed:
        """By group: the offset after the last message that is done with, of each partition. A group
        that Kafka cannot tell of is not in it."""
        async with self._lock:
            if time.monotonic() - self._seen_at > (FRESH_S if self._seen else AWAY_S):
                self._seen = await self._ask()
                self._seen_at = time.monotonic()
            return self._seen

    async def _ask(self) -> Committed:
        try:
            admin = await self._connected()
            told = await asyncio.wait_for(
                asyncio.gather(*(admin.list_consumer_group_offsets(group) for group in GROUPS)),
                PATIENCE_MS / 1000,
            )
        except (KafkaError, OSError, TimeoutError) as error:
            logger.info("Kafka does not tell offsets: %s: %s", type(error).__name__, error)
            await self.close()
            return {}
        return {
            group: {(place.topic, place.partition): at.offset for place, at in offsets.items()}
            for group, offsets in zip(GROUPS, told, strict=True)
        }

    async def _connected(self) -> AIOKafkaAdminClient:
        if self._admin is None:
            admin = AIOKafkaAdminClient(**self._cluster.client(), request_timeout_ms=PATIENCE_MS)
            await asyncio.wait_for(admin.start(), PATIENCE_MS / 1000)
            self._admin = admin
        return self._admin

    async def close(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            await admin.close()


def broker_of(request: Request) -> Broker:
    """This process's one; made with the first question."""
    state = request.app.state
    if not hasattr(state, "broker"):
        state.broker = Broker(state.settings.cluster())
    return state.broker  # type: ignore[no-any-return]


AskedBroker = Annotated[Broker, Depends(broker_of)]
