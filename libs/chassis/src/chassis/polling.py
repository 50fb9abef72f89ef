"""How a consumer polls: without sleeping, and a backlog in the order of the chain."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.catalog import PUBLIC_TOPICS

FETCH_WAIT_MS = 1000
"""How long the broker holds a fetch that finds nothing. A record that comes meanwhile ends it, so
this costs no latency; but whatever the consumer asks next waits behind it, such as the first fetch
of partitions that a rebalance has given it."""
HOLD_FETCHES_AFTER_S = 0.05
"""Less than the 0.1 s after which aiokafka fetches without the partitions whose records wait."""


class PatientConsumer(AIOKafkaConsumer):  # type: ignore[misc]
    """What FastStream polls, instead of aiokafka's own consumer.

    FastStream sleeps after a poll that found nothing, and what comes meanwhile would wait that
    long, at every hop. A poll that finds more than it may take empties partition by partition as
    they came, so that orders would be heard before their contracts, and parked.

    A consumer whose records wait for a long batch to end goes on to fetch other partitions, and the
    broker may hold that fetch while records come to the partitions that it leaves out. So a batch
    that takes long holds the fetches up, but for the one that is under way.
    """

    def __init__(
        self,
        *topics: str,
        given_up: set[TopicPartition] | None = None,
        hold_fetches_after_s: float = HOLD_FETCHES_AFTER_S,
        **settings: Any,
    ) -> None:
        super().__init__(*topics, **settings)
        self._backlog = False
        self._hold_after_s = hold_fetches_after_s
        """Seconds. Zero: at once."""
        self._hold_soon: asyncio.TimerHandle | None = None
        self._held = False
        self._given_up = set() if given_up is None else given_up
        """Taken away since the last poll that returned records of them. A poll waits for the new
        assignment: what it returns is of that, though the partition was taken away meanwhile.
        """

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[Any]]:
        most = max_records or sys.maxsize
        found: dict[TopicPartition, list[Any]] = {}
        before = self._positions()
        self._fetch_again()
        try:
            if self._backlog:
                await self._upstream_first(most, found)
            while not found:
                found = await self._polled(
                    *partitions, timeout_ms=timeout_ms, max_records=max_records
                )
        except Exception:
            self._go_back(before | {p: records[0].offset for p, records in found.items()})
            raise
        self._backlog = sum(map(len, found.values())) >= most
        if self._hold_after_s:
            self._hold_soon = asyncio.get_running_loop().call_later(self._hold_after_s, self._hold)
        else:
            self._hold()
        return found

    def _hold(self) -> None:
        self._held = True
        self.pause(*self.assignment())

    def _fetch_again(self) -> None:
        if self._hold_soon is not None:
            self._hold_soon.cancel()
        if self._held:
            self._held = False
            self.resume(*self.paused())

    async def stop(self) -> None:
        if self._hold_soon is not None:
            self._hold_soon.cancel()
        await super().stop()

    def _positions(self) -> dict[TopicPartition, int]:
        """The next offset of each partition that has one."""
        subscription = self._subscription.subscription
        assignment = subscription and subscription.assignment
        if not assignment:
            return {}
        states = {p: assignment.state_value(p) for p in assignment.tps}
        return {p: state.position for p, state in states.items() if state.has_valid_position}

    def _go_back(self, before: Mapping[TopicPartition, int]) -> None:
        """To where a poll began that failed halfway: what it found lies behind the positions and
        nobody was given it. Never on: of a partition that was given anew the group may be less far.
        """
        for partition, position in self._positions().items():
            if position > before.get(partition, position):
                self.seek(partition, before[partition])

    async def _upstream_first(self, most: int, found: dict[TopicPartition, list[Any]]) -> None:
        assigned = self.assignment()
        for topic in PUBLIC_TOPICS:
            of_topic = [partition for partition in assigned if partition.topic == topic]
            if most > 0 and of_topic:
                found |= (part := await self._polled(*of_topic, max_records=most))
                most -= sum(map(len, part.values()))

    async def _polled(self, *partitions: TopicPartition, **most: Any) -> dict[TopicPartition, Any]:
        found: dict[TopicPartition, Any] = await super().getmany(*partitions, **most)
        self._given_up.difference_update(found)
        return found
