"""Door 1: the public topics themselves."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Any, Final

from contracts.envelope import MalformedEnvelope, peek_type
from ltc_client.doors import Arrival, Present
from ltc_client.errors import ClientError, MissingExtra, PositionExpired, Refused
from ltc_client.fact import as_state, from_record
from ltc_client.types import Types

try:
    from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
    from aiokafka.errors import (
        CommitFailedError,
        GroupAuthorizationFailedError,
        IllegalStateError,
        KafkaError,
        OffsetOutOfRangeError,
        TopicAuthorizationFailedError,
        UnknownTopicOrPartitionError,
    )
except ModuleNotFoundError as error:
    raise MissingExtra("aiokafka", "kafka") from error

SILENCE_MS: Final = 500
AT_ONCE: Final = 500
_log = logging.getLogger("ltc_client")


class KafkaDoor(ConsumerRebalanceListener):  # type: ignore[misc]
    """Reads each partition on from where the subscriber came to.

    Without a group it reads all partitions, alone; in a group Kafka divides them among those who
    are in it. The group's own offsets count only where the subscriber keeps no position.
    """

    in_order = True

    def __init__(
        self,
        bootstrap: str,
        types: Types,
        *,
        group: str | None,
        latest: bool,
        trust_group: bool,
        connection: Mapping[str, Any],
    ) -> None:
        self._bootstrap = bootstrap
        self._types = types
        self._group = group
        self._latest = latest
        self._trust_group = trust_group
        self._connection = connection
        self._asks = False
        self._through: dict[Any, int] = {}
        self._begun_at: list[Arrival] = []
        self._consumer: Any = None

    async def open(self) -> None:
        topics = self._types.topics()
        self._consumer = AIOKafkaConsumer(
            *(topics if self._group is None else ()),
            bootstrap_servers=self._bootstrap,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            **self._connection,
        )
        try:
            await self._consumer.start()
        except UnknownTopicOrPartitionError as error:
            wanted = ", ".join(topics)
            raise Refused(f"Kafka shows not all of {wanted}: absent, or not for us") from error
        except KafkaError as error:
            raise _in_words(error) from error
        if self._group is None:
            self._wait_for_positions(self._consumer.assignment())
        else:
            self._consumer.subscribe(topics, listener=self)

    async def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        await self._commit()

    async def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        self._through.clear()
        self._wait_for_positions(assigned)

    def _wait_for_positions(self, partitions: Iterable[Any]) -> None:
        """Nothing is fetched before the subscriber has said from where."""
        for partition in partitions:
            self._consumer.pause(partition)
            self._consumer.seek(partition, 0)
        self._asks = True

    async def next(self) -> Sequence[Arrival] | None:
        if self._asks:
            return None
        if self._begun_at:
            begun_at, self._begun_at = self._begun_at, []
            return begun_at
        try:
            await self._commit()
            batches = await self._consumer.getmany(timeout_ms=SILENCE_MS, max_records=AT_ONCE)
        except KafkaError as error:
            raise _in_words(error) from error
        if self._asks:  # given away meanwhile, and to be read from the kept positions
            return None
        return [
            self._arrival(_place(partition), record)
            for partition, records in batches.items()
            for record in records
        ]

    def _arrival(self, place: str, record: Any) -> Arrival:
        position = str(record.offset + 1)
        name = peek_type(record.headers)
        if name is not None and not self._types.wants(name):
            return Arrival(place, position, None)
        try:
            return Arrival(place, position, from_record(list(record.headers), record.value))
        except MalformedEnvelope as error:
            _log.warning("%s offset %s is no fact, passed over: %s", place, record.offset, error)
            return Arrival(place, position, None)

    async def resume(self, positions: Mapping[str, str]) -> None:
        self._asks = False
        partitions = self._consumer.assignment()
        try:
            first = await self._consumer.beginning_offsets(partitions)
            end = await self._consumer.end_offsets(partitions)
            for partition in partitions:
                kept = positions.get(_place(partition))
                if kept is None and self._group is not None and self._trust_group:
                    kept = await self._consumer.committed(partition)
                start = end[partition] if self._latest else first[partition]
                if kept is not None:
                    start = int(kept)
                    _be_there(partition, start, first[partition], end[partition])
                elif self._latest:  # kept at once: what is said before the first fact counts
                    place = _place(partition)
                    self._begun_at.append(Arrival(place, str(start), None))
                self._consumer.seek(partition, start)
                self._consumer.resume(partition)
        except IllegalStateError:  # given to another one meanwhile: we are told of what is left
            return
        except KafkaError as error:
            raise _in_words(error) from error

    async def states(self) -> AsyncGenerator[Present, None]:
        """All to their end. Facts go on behind the greatest claim of their partition; where there
        is none, or what comes next is kept no more, at the oldest."""
        said_at = {topic.replace(".v1", ".state.v1"): topic for topic in self._types.topics()}
        consumer = AIOKafkaConsumer(
            *said_at,
            *said_at.values(),
            bootstrap_servers=self._bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            **self._connection,
        )
        try:
            await consumer.start()
            places = [place for place in consumer.assignment() if place.topic in said_at]
            facts = {p: TopicPartition(said_at[p.topic], p.partition) for p in places}
            consumer.pause(*facts.values())
            oldest = await consumer.beginning_offsets(facts.values())
            ends = await consumer.end_offsets(places)
            await consumer.seek_to_beginning(*places)
            yield Present((), {_place(fact): str(first) for fact, first in oldest.items()})
            while any([await consumer.position(place) < ends[place] for place in places]):
                for place, records in (await consumer.getmany(timeout_ms=SILENCE_MS)).items():
                    fact = facts[place]
                    claims = (int(dict(record.headers)["ltc_position"]) + 1 for record in records)
                    oldest[fact] = max(oldest[fact], *claims)
                    yield Present(
                        [as_state(from_record(list(r.headers), r.value)) for r in records],
                        {_place(fact): str(oldest[fact])},
                    )
        except KafkaError as error:
            raise _in_words(error) from error
        finally:
            await consumer.stop()

    def passed(self, arrival: Arrival) -> None:
        if self._group is not None and arrival.position is not None:
            topic, _, n = arrival.place.rpartition("/")
            self._through[TopicPartition(topic, int(n))] = int(arrival.position)

    async def _commit(self) -> None:
        """So that whoever looks after Kafka sees how far the group has come."""
        through, self._through = self._through, {}
        assigned = self._consumer.assignment()
        offsets = {partition: at for partition, at in through.items() if partition in assigned}
        if not offsets:
            return
        try:
            await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            _log.info("the group moved on before an offset was committed: %s", error)

    async def close(self) -> None:
        if self._consumer is None:
            return
        try:
            await self._commit()
        except KafkaError as error:
            _log.warning("the last offset was not committed: %s", error)
        await self._consumer.stop()


def _place(partition: Any) -> str:
    return f"{partition.topic}/{partition.partition}"


def _be_there(partition: Any, start: int, first: int, end: int) -> None:
    if first <= start <= end:
        return
    topic = partition.topic
    state = topic.replace(".v1", ".state.v1")
    raise PositionExpired(
        f"partition {partition.partition} of {topic} holds offsets {first} to {end}, and {start}"
        f" comes next for us: take the present state from {state} and go on from there"
    )


def _in_words(error: Exception) -> ClientError:
    if isinstance(error, OffsetOutOfRangeError):
        return PositionExpired(f"what comes next for us is no longer kept by Kafka: {error}")
    if isinstance(error, TopicAuthorizationFailedError | GroupAuthorizationFailedError):
        return Refused(f"Kafka does not let this principal in: {error}")
    return Refused(f"Kafka: {error}")
