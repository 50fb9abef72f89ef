"""From the outbox to Kafka, in the order of each key, with any number of relays at once.

A relay locks shard rows in one statement and reads their outbox rows in a *second* one, so that it
sees everything committed before the lock was granted. It sends in ``seq`` order and deletes, per
key, the contiguous prefix that Kafka acknowledged. `tests/test_relay_order.py` holds this design
against the ones known to lose, repeat or reorder facts.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    UnknownTopicOrPartitionError,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis import bulk, failpoints, tracing
from chassis.cluster import Cluster
from chassis.metrics import Metrics
from chassis.outbox import DERIVED

logger = logging.getLogger(__name__)

SHARDS_PER_CLAIM = 8
CONNECT_TIMEOUT_S = 10.0
SEND_TIMEOUT_S = 20.0
"""For handing all records of a round to the producer. It waits while a batch before them is sent
again."""
ACK_TIMEOUT_S = 10.0
BATCH_TTL_MS = 120_000
"""A batch must not expire in the producer while a round lasts. aiokafka fails an expired batch and
goes on with the next one of the same partition, and a broker takes that out of order when it has
seen nothing of this producer there yet."""
POISON = (MessageSizeTooLargeError, InvalidTopicError, UnknownTopicOrPartitionError)
"""What Kafka will refuse however often it is sent."""

_SENDABLE = "NOT EXISTS (SELECT 1 FROM outbox_dead d WHERE d.topic = o.topic AND d.key = o.key)"
"""Behind a fact that Kafka refuses, its key waits until a person has dealt with it."""

CLAIM = f"""
SELECT shard FROM outbox_shard s
WHERE EXISTS (SELECT 1 FROM outbox o WHERE o.shard = s.shard AND {_SENDABLE})
ORDER BY shard LIMIT $1 FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - constants of this module
READ = f"""
SELECT seq, id, topic, key, type, headers::text, payload, created_at FROM outbox o
WHERE shard = ANY($1::smallint[]) AND {_SENDABLE} ORDER BY seq LIMIT $2
"""  # noqa: S608
BACKLOG = f"EXISTS (SELECT 1 FROM outbox o WHERE {_SENDABLE})"  # noqa: S608
"""What the process looks for now and then (`chassis.due`): facts that another process has left, or
that were committed although the commit seemed to fail."""
MOVE_TO_LOG = f"""
WITH gone AS (DELETE FROM outbox WHERE seq = ANY($1::bigint[]) RETURNING *),
logged AS (
  INSERT INTO event_log (published_at, seq, id, topic, key, aggregateid, aggregate_version, type,
                         headers, payload, created_at)
  SELECT now(), seq, id, topic, key, aggregateid, aggregate_version, type, headers, payload,
         created_at
  FROM gone WHERE aggregatetype <> '{DERIVED}')
SELECT EXISTS (SELECT 1 FROM outbox o WHERE o.seq <> ALL ($1::bigint[]) AND {_SENDABLE})
"""  # noqa: S608
"""Also says whether there is more: what was left, or was said while we sent."""
BURY = """
WITH gone AS (DELETE FROM outbox WHERE seq = $1 RETURNING *)
INSERT INTO outbox_dead (seq, id, topic, key, type, headers, payload, created_at, died_at, error)
SELECT seq, id, topic, key, type, headers, payload, created_at, now(), $2 FROM gone
"""


@dataclass(frozen=True, slots=True)
class OutboxRecord:
    """One row as the relay sends it."""

    seq: int
    event_id: Any
    topic: str
    key: str
    type: str
    headers: str
    payload: bytes
    created_at: datetime

    def kafka_headers(self) -> list[tuple[str, bytes]]:
        return [(name, value.encode()) for name, value in orjson.loads(self.headers).items()]


class Sender(Protocol):
    """The part of a Kafka producer that a relay needs."""

    async def send(
        self, topic: str, value: bytes, *, key: bytes, headers: Sequence[tuple[str, bytes]]
    ) -> asyncio.Future[Any]: ...


class UnacknowledgedSend(Exception):
    """Kafka did not acknowledge every record. The producer may still hold some of them, so it must
    be replaced before the shards are released."""


@dataclass(slots=True)
class Round:
    """What one claim achieved: how many facts were published, whether to go on at once, and
    whether there was nothing that could be claimed: no facts, or none that another holds."""

    published: int = 0
    more: bool = False
    contended: bool = False


async def publish_round(
    connection: AsyncConnection, sender: Sender, *, limit: int, metrics: Metrics | None = None
) -> Round:
    """Claim shards, publish what they hold, move it to the event log. The caller commits."""
    shards = [row[0] for row in await bulk.fetch(connection, CLAIM, SHARDS_PER_CLAIM)]
    if not shards:
        return Round(contended=True)
    # A second statement, so that its snapshot is younger than the lock.
    rows = await bulk.fetch(connection, READ, shards, limit)
    records = [OutboxRecord(*row) for row in rows]
    began = time.perf_counter()
    with tracing.send_span(records):
        done, poisoned = await _send(sender, records)
    lasted = time.perf_counter() - began
    failpoints.reached("after_acknowledgement", len(done))
    more = bool(poisoned)
    if done:
        more = (await bulk.first(connection, MOVE_TO_LOG, done))[0] or more
    for record, error in poisoned:
        logger.error("Kafka refuses %s of %s for good: %s", record.type, record.key, error)
        await bulk.execute(connection, BURY, record.seq, repr(error))
    if metrics is not None:
        metrics.relayed(len(done), len(records) - len(done), lasted)
        acknowledged = set(done)
        metrics.facts_said(Counter(r.type for r in records if r.seq in acknowledged))
    return Round(published=len(done), more=more)


async def _send(
    sender: Sender, records: Sequence[OutboxRecord]
) -> tuple[list[int], list[tuple[OutboxRecord, BaseException]]]:
    """Send in order; return the seqs to delete and the records that can never be sent."""
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            sent = await _hand_over_all(sender, records)
    except (TimeoutError, KafkaError) as error:
        raise UnacknowledgedSend(f"the producer did not take every record: {error!r}") from error
    failpoints.reached("after_produce", len(sent))
    waiting = [f for _, f in sent if isinstance(f, asyncio.Future)]
    if waiting:
        _, late = await asyncio.wait(waiting, timeout=ACK_TIMEOUT_S)
        if late:
            raise UnacknowledgedSend(f"{len(late)} of {len(waiting)} sends got no answer")
    stopped: set[tuple[str, str]] = set()
    done: list[int] = []
    poisoned: list[tuple[OutboxRecord, BaseException]] = []
    for record, outcome in sent:
        key = (record.topic, record.key)
        failure = outcome.exception() if isinstance(outcome, asyncio.Future) else outcome
        if key in stopped:
            continue
        if failure is None:
            done.append(record.seq)
            continue
        stopped.add(key)
        if not isinstance(failure, POISON):
            raise UnacknowledgedSend(str(failure)) from failure
        poisoned.append((record, failure))
    return done, poisoned


async def _hand_over_all(
    sender: Sender, records: Sequence[OutboxRecord]
) -> list[tuple[OutboxRecord, asyncio.Future[Any] | BaseException]]:
    """Each record with its outcome. Nothing is sent behind a record of its key that the producer
    has refused: it stays in the outbox."""
    sent: list[tuple[OutboxRecord, asyncio.Future[Any] | BaseException]] = []
    refused: set[tuple[str, str]] = set()
    for record in records:
        key = (record.topic, record.key)
        if key not in refused:
            outcome = await _hand_over(sender, record)
            sent.append((record, outcome))
            if isinstance(outcome, BaseException):
                refused.add(key)
    return sent


async def _hand_over(sender: Sender, record: OutboxRecord) -> asyncio.Future[Any] | BaseException:
    """The future of a record's acknowledgement, or why Kafka can never take it."""
    try:
        return await sender.send(
            record.topic, record.payload, key=record.key.encode(), headers=record.kafka_headers()
        )
    except POISON as error:
        refusal: BaseException = error
        return refusal


class Relay:
    """Publishes one service's outbox until stopped; owns the Kafka producer."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        cluster: Cluster,
        client_id: str,
        said: asyncio.Event,
        metrics: Metrics,
        batch: int = 500,
    ) -> None:
        self._engine = engine
        self._cluster = cluster
        self._client_id = client_id
        self._said = said
        self._metrics = metrics
        self._batch = batch
        self._producer: AIOKafkaProducer | None = None
        self._stopping = False
        self._round_under_way = asyncio.Lock()

    async def run(self) -> None:
        """Relay until `stop`, whatever happens to Kafka or the database meanwhile."""
        pause = 0.1
        while not self._stopping:
            try:
                await self._drain()
                pause = 0.1
            except asyncio.CancelledError:
                raise
            except Exception as error:
                self._metrics.relay_failed(type(error).__name__)
                logger.warning("relay: %s: %s; again in %.1f s", type(error).__name__, error, pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
                self._said.set()  # what was left is still there

    async def stop(self, timeout_s: float = 5.0) -> None:
        """Publish what is there, for at most ``timeout_s``, then close the producer. What was said
        before this relay had ever connected is there as well."""
        self._stopping = True
        self._said.set()
        try:
            async with asyncio.timeout(timeout_s):
                while await self._backlog() and (await self._round()).more:
                    pass
        except Exception as error:
            logger.info("relay: stopped with facts left in the outbox: %r", error)
        await self._discard_producer()

    async def _drain(self) -> None:
        """Wait to be woken, then publish until the outbox is empty."""
        await self._said.wait()
        waiting = True
        while waiting and not self._stopping:
            # Before the round: what is said from here on is in it, or in its answer.
            self._said.clear()
            done = await self._round()
            waiting = done.more
            if done.contended:
                await asyncio.sleep(0.003)
                waiting = await self._backlog()

    async def _backlog(self) -> bool:
        """Whether anything can be sent: one cheap question, before sixteen shards are asked."""
        [row] = await bulk.ask(self._engine, f"SELECT {BACKLOG}")
        return bool(row[0])

    async def _round(self) -> Round:
        async with self._round_under_way:
            producer = self._producer or await self._connect()
            async with bulk.begun(self._engine) as connection:
                try:
                    return await publish_round(
                        connection, producer, limit=self._batch, metrics=self._metrics
                    )
                except (UnacknowledgedSend, asyncio.CancelledError):
                    # Before the shards are released, and whatever becomes of the transaction: what
                    # the producer still holds would be sent after, or between, its repetition.
                    await self._discard_producer()
                    raise

    async def _connect(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **self._cluster.client(),
            client_id=self._client_id,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=256 * 1024,
            max_request_size=1024 * 1024,
            compression_type="lz4",
            request_timeout_ms=BATCH_TTL_MS,
            metadata_max_age_ms=60_000,
        )
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer
        return producer

    async def _discard_producer(self) -> None:
        """Drop the producer and what it holds: the rows are in the outbox still. Its sender is
        cancelled first, because ``stop`` would wait for batches that an idempotent producer never
        gives up."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        task = getattr(producer._sender, "_sender_task", None)
        if task is not None:
            task.cancel()
        try:
            await asyncio.wait_for(producer.stop(), 5.0)
        except (TimeoutError, asyncio.CancelledError, KafkaError) as error:
            logger.warning("relay: the old producer did not close: %r", error)
