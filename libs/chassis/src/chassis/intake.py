"""Kafka in: FastStream polls a batch, the processor settles it, offsets follow the database.

One subscriber over all topics of a service. Offsets are committed explicitly, per partition, after
the database has, and a few times a second rather than after every batch: a repeated message is
harmless, a lost one is not.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaMessage

from chassis import failpoints
from chassis.batch import BatchProcessor
from chassis.consumer import Consumer
from chassis.failures import is_infrastructure
from chassis.metrics import Metrics
from chassis.polling import FETCH_WAIT_MS, HOLD_FETCHES_AFTER_S, PatientConsumer
from chassis.progress import Progress
from chassis.settings import Settings

logger = logging.getLogger(__name__)

COMMIT_EVERY_S = 1.0
COMMIT_TIMEOUT_S = 5.0
STOP_TIMEOUT_S = 10.0
POLL_MS = 5000
"""How long a poll that finds nothing lasts. Records, a rebalance and the stop end it."""
HEARTBEAT_MS = 1000
"""A member learns from its heartbeats that another came or went: so long may partitions of one
that left lie idle."""
PATIENCE_S = 120.0
"""How long a batch is repeated in place before it is handed back to Kafka. Less than the poll
interval after which Kafka would take the partitions away."""


class _Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]
    """Commits what is done before partitions are given up."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        self._intake.metrics.rebalanced()
        await self._intake.commit()
        self._intake.progress.forget(revoked)

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        logger.info("assigned %d partitions", len(assigned))


class _Doubts(logging.Filter):
    """Hears FastStream complain that offsets are missing or out of range. It would go on trying,
    with a stack trace every five seconds; we look into it and say it once."""

    def __init__(self, doubt: asyncio.Event) -> None:
        super().__init__()
        self._doubt = doubt

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, NoOffsetForPartitionError | OffsetOutOfRangeError):
            self._doubt.set()
            return False
        return True


async def _parse(message: Any, _original: Any) -> KafkaMessage:
    """Hand the batch on as it came. The default parser decodes headers and drops the whole batch
    when one is null or not UTF-8; ours are read by the envelope, which never raises here."""
    records = message if isinstance(message, tuple | list) else (message,)
    return KafkaMessage(
        body=b"",
        headers={},
        reply_to="",
        content_type=None,
        message_id=f"{records[0].topic}-{records[0].partition}-{records[0].offset}",
        correlation_id="",
        raw_message=message,
        consumer=None,  # type: ignore[arg-type]
    )


async def _passthrough(message: Any) -> list[Any]:
    return list(message.raw_message)


class Intake:
    """The consuming half of a service: a FastStream broker with one batch subscriber."""

    def __init__(
        self,
        settings: Settings,
        consumer: Consumer,
        processor: BatchProcessor,
        metrics: Metrics,
    ) -> None:
        self.metrics = metrics
        self._cluster = settings.cluster()
        self.doubt = asyncio.Event()
        """Set when Kafka says that offsets are missing or out of range."""
        self._processor = processor
        self.progress = Progress(consumer.topics)
        self._gathers_s = consumer.gathers_s
        self._most = settings.consumer_batch
        self._committing = asyncio.Lock()
        self._idle = asyncio.Event()
        self._idle.set()
        self.applied_at = time.monotonic()
        complaints = logging.Logger("faststream")
        complaints.parent = logging.getLogger("faststream")
        complaints.addFilter(_Doubts(self.doubt))
        self.broker = KafkaBroker(
            settings.kafka_bootstrap,
            client_id=settings.kafka_client_id or f"{settings.service}-{settings.instance}",
            allow_auto_create_topics=False,
            consumer_only=True,
            apply_types=False,
            graceful_timeout=15.0,
            log_level=logging.DEBUG,
            logger=complaints,
        )
        self.subscriber = self.broker.subscriber(
            *consumer.topics,
            group_id=consumer.group,
            batch=True,
            max_records=settings.consumer_batch,
            batch_timeout_ms=POLL_MS,
            auto_offset_reset=settings.auto_offset_reset,
            isolation_level="read_committed",
            ack_policy=AckPolicy.MANUAL,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=HEARTBEAT_MS,
            rebalance_timeout_ms=30_000,
            max_poll_interval_ms=300_000,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            max_partition_fetch_bytes=2 * 1024 * 1024,
            listener=_Rebalances(self),
            parser=_parse,
            decoder=_passthrough,
            title=consumer.group,
        )
        self.subscriber(self._take)

    async def _take(self, records: Any) -> None:
        """Settle a batch. Never raises, because FastStream would go on past what failed."""
        self._idle.clear()
        self.progress.at_hand = list(records)
        try:
            await self._settle(self.progress.at_hand)
        finally:
            self.progress.at_hand = []
            self._idle.set()
        if len(records) < self._most:
            await asyncio.sleep(self._gathers_s)

    async def _settle(self, batch: list[Any]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        pause = 0.2
        while True:
            try:
                deliveries = await self._processor.process(batch)
                break
            except asyncio.CancelledError:
                raise
            except Exception as error:
                level = logging.WARNING if is_infrastructure(error) else logging.ERROR
                logger.log(
                    level,
                    "batch of %d waits %.1f s: %s: %s",
                    len(batch),
                    pause,
                    type(error).__name__,
                    error,
                )
                self.metrics.batch_failed(type(error).__name__)
                if time.monotonic() > deadline:
                    await self._hand_back(batch)
                    return
                await asyncio.sleep(pause)
                pause = min(pause * 2, 10.0)
        self.applied_at = time.monotonic()
        self.progress.note(batch, deliveries)

    async def _hand_back(self, batch: Sequence[Any]) -> None:
        """Seek every partition of the batch back to its first record, to be polled again."""
        first: dict[TopicPartition, int] = {}
        for record in batch:
            first.setdefault(TopicPartition(record.topic, record.partition), record.offset)
        consumer = self.subscriber.consumer
        if consumer is None:
            return
        for partition, offset in first.items():
            try:
                consumer.seek(partition, offset)
            except IllegalStateError:
                logger.info("%s was taken away meanwhile", partition)

    async def commit(self) -> None:
        """Tell Kafka how far the database has come. Failing is harmless: messages come again."""
        consumer = self.subscriber.consumer
        async with self._committing:
            noted = self.progress.untold(consumer.assignment()) if consumer else {}
            if consumer is None or not noted:
                return
            try:
                await asyncio.wait_for(consumer.commit(noted), COMMIT_TIMEOUT_S)
                self.progress.told(noted)
                failpoints.reached("after_offset_commit", len(noted))
            except (CommitFailedError, IllegalStateError, TimeoutError, KafkaError) as error:
                logger.info("offsets not committed (%s); messages may repeat", error)

    async def run_commits(self) -> None:
        while True:
            await asyncio.sleep(COMMIT_EVERY_S)
            await self.commit()

    def lag(self) -> int:
        """Messages between the broker's end and our position, as the last fetches told."""
        return sum(self.progress.behind(self._ends()).values())

    def lag_ages(self) -> dict[str, float]:
        """By topic, seconds that the next message to apply has waited; zero when none waits."""
        return self.progress.lag_ages(self._ends())

    def _ends(self) -> dict[TopicPartition, int | None]:
        consumer = self.subscriber.consumer
        return {p: consumer.highwater(p) for p in consumer.assignment()} if consumer else {}

    async def join(self, events: Mapping[TopicPartition, UUID]) -> None:
        """Join the group, whose offsets carry these events, and hear."""
        self.progress.begin(events)
        self.doubt.clear()
        await self.broker.connect()
        clients = self.broker.config.broker_config
        given = {
            **clients.builder.keywords,  # type: ignore[attr-defined]
            # Also the addresses: FastStream takes a text of several for one.
            **self._cluster.client(),
            "given_up": self.progress.given_up,
            # Its fetching waits for what happens; this is only how often it looks without cause.
            "consumer_timeout_ms": POLL_MS,
            # What is fetched while more gathers would come before it, in a poll of its own.
            "hold_fetches_after_s": max(0.0, HOLD_FETCHES_AFTER_S - self._gathers_s),
        }
        clients.builder = partial(PatientConsumer, **given)
        await self.broker.start()

    def deaf(self) -> bool:
        """Whether the client has stopped fetching for good. An error that it does not expect (a
        connection that closes while it is written to) ends its fetching; it stays a member of the
        group, polls find nothing, and since nothing is fetched no lag is seen either."""
        fetching = getattr(getattr(self.subscriber.consumer, "_fetcher", None), "_fetch_task", None)
        return fetching is not None and fetching.done()

    async def leave(self) -> None:
        """Finish the batch at hand, commit, leave the group."""
        self.subscriber.running = False
        try:
            await asyncio.wait_for(self._idle.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            logger.warning("the batch at hand did not finish in time; it will come again")
        await self.commit()
        deaf, consumer = self.deaf(), self.subscriber.consumer
        try:
            await self.subscriber.stop()
        except Exception:
            if not deaf or consumer is None:
                raise
            # Its own stop ends where its fetching did: close what is left, and forget it.
            await consumer._client.close()
            await self.subscriber.stop()
        self.progress.forget()

    async def stop(self) -> None:
        await self.leave()
        await self.broker.stop()
