"""How a consumer polls: without sleeping, and a backlog in the order of the chain."""

from __future__ import annotations

import sys
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.catalog import PUBLIC_TOPICS


class PatientConsumer(AIOKafkaConsumer):  # type: ignore[misc]
    """What FastStream polls, instead of aiokafka's own consumer.

    FastStream sleeps after a poll that found nothing, and what comes meanwhile would wait that
    long, at every hop. A poll that finds more than it may take empties partition by partition as
    they came, so that orders would be heard before their contracts, and parked.
    """

    def __init__(
        self, *topics: str, given_up: set[TopicPartition] | None = None, **settings: Any
    ) -> None:
        super().__init__(*topics, **settings)
        self._backlog = False
        self._given_up = set() if given_up is None else given_up
        """Taken away since the last poll that returned records of them. A poll waits for the new
        assignment: what it returns is of that, though the partition was taken away meanwhile.
        """

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[Any]]:
        most = max_records or sys.maxsize
        found: dict[TopicPartition, list[Any]] = {}
        if self._backlog:
            found = await self._upstream_first(most)
        while not found:
            found = await self._polled(*partitions, timeout_ms=timeout_ms, max_records=max_records)
        self._backlog = sum(map(len, found.values())) >= most
        return found

    async def _upstream_first(self, most: int) -> dict[TopicPartition, list[Any]]:
        found: dict[TopicPartition, list[Any]] = {}
        assigned = self.assignment()
        for topic in PUBLIC_TOPICS:
            of_topic = [partition for partition in assigned if partition.topic == topic]
            if most > 0 and of_topic:
                found |= (part := await self._polled(*of_topic, max_records=most))
                most -= sum(map(len, part.values()))
        return found

    async def _polled(self, *partitions: TopicPartition, **most: Any) -> dict[TopicPartition, Any]:
        found: dict[TopicPartition, Any] = await super().getmany(*partitions, **most)
        self._given_up.difference_update(found)
        return found
