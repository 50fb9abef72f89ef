"""How far a process has come in its partitions: in its database, and as Kafka was told."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from aiokafka import TopicPartition

from chassis.delivery import Delivery


class Progress:
    """Of one member of a group. Times are in seconds since the epoch."""

    def __init__(self, topics: Sequence[str]) -> None:
        self.at_hand: list[Any] = []
        """Records that are being settled."""
        self.given_up: set[TopicPartition] = set()
        """Partitions that were taken away since records of theirs were polled."""
        self._topics = topics
        self._done: dict[TopicPartition, int] = {}
        self._told: dict[TopicPartition, int] = {}
        self._events: dict[TopicPartition, UUID] = {}
        self._behind_since: dict[TopicPartition, float] = {}

    def begin(self, events: Mapping[TopicPartition, UUID]) -> None:
        """The group's offsets carry these events."""
        self._events = dict(events)

    def note(self, batch: Iterable[Any], deliveries: Iterable[Delivery]) -> None:
        """The database has a batch. Not of partitions that were taken away meanwhile, though they
        be back: another member may be further by now, or they are polled again from where the
        group is."""
        for record in batch:
            partition = TopicPartition(record.topic, record.partition)
            if partition not in self.given_up:
                self._done[partition] = record.offset + 1
        for delivery in deliveries:
            partition = TopicPartition(delivery.record.topic, delivery.record.partition)
            if partition not in self.given_up:
                self._events[partition] = delivery.event_id

    def untold(self, owned: Collection[TopicPartition]) -> dict[TopicPartition, tuple[int, str]]:
        """What Kafka is to be told of these partitions: the next offset, and the event behind."""
        return {
            partition: (offset, str(self._events.get(partition, "")))
            for partition, offset in self._done.items()
            if partition in owned and self._told.get(partition) != offset
        }

    def told(self, noted: Mapping[TopicPartition, tuple[int, str]]) -> None:
        """Kafka knows."""
        self._told.update({partition: offset for partition, (offset, _) in noted.items()})

    def forget(self, partitions: Collection[TopicPartition] | None = None) -> None:
        """Partitions, or all, are no longer this member's."""
        partitions = [*self._done] if partitions is None else partitions
        self.given_up.update(partitions)
        for partition in partitions:
            self._done.pop(partition, None)
            self._told.pop(partition, None)

    def last_events(self) -> list[UUID]:
        """What the database must know: events behind the offsets committed last."""
        return [event for partition, event in self._events.items() if partition in self._told][-1:]

    def behind(self, ends: Mapping[TopicPartition, int | None]) -> dict[TopicPartition, int]:
        """Messages between where partitions end and where the database is; of none that nothing
        is known of."""
        return {
            partition: max(0, end - self._done[partition])
            for partition, end in ends.items()
            if end is not None and partition in self._done
        }

    def lag_ages(self, ends: Mapping[TopicPartition, int | None]) -> dict[str, float]:
        """By topic, seconds that the next message to apply has waited: since it was written when
        it is at hand, else since its partition was first seen to be behind."""
        now = time.time()
        behind = self.behind(ends)
        self._behind_since = {p: self._behind_since.get(p, now) for p, n in behind.items() if n}
        since = [(partition.topic, at) for partition, at in self._behind_since.items()]
        since += [(record.topic, record.timestamp / 1000) for record in self.at_hand]
        ages = dict.fromkeys(self._topics, 0.0)
        for topic, at in since:
            ages[topic] = max(ages.get(topic, 0.0), now - at)
        return ages
