"""One round of a relay: from the outbox to Kafka, in the order of each key, with any number of
relays at once.

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
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    UnknownTopicOrPartitionError,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import bulk, failpoints, tracing
from chassis.metrics import Metrics
from chassis.outbox import DERIVED, LARGEST

logger = logging.getLogger(__name__)

SHARDS_PER_CLAIM = 8
SEND_TIMEOUT_S = 20.0
"""For handing all records of a round to the producer. It waits while a batch before them is sent
again."""
ACK_TIMEOUT_S = 10.0
POISON = (MessageSizeTooLargeError, InvalidTopicError, UnknownTopicOrPartitionError)
"""What Kafka will refuse however often it is sent."""

_SENDABLE = (
    "NOT EXISTS (SELECT 1 FROM outbox_dead d WHERE d.topic = o.topic AND d.key = o.key"
    " AND d.skipped_at IS NULL)"
)
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

    @property
    def lane(self) -> tuple[str, str]:
        """What order is kept in: the facts of one key on one topic."""
        return self.topic, self.key

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
    doubtful: bool = False
    """Kafka refused a record that it got together with others: it may mean any of them."""


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
    doubtful = len(done) + len(poisoned) < len(records) and not poisoned
    more = bool(poisoned) or doubtful
    if done:
        more = (await bulk.first(connection, MOVE_TO_LOG, done))[0] or more
    for record, error in poisoned:
        logger.error("Kafka refuses %s of %s for good: %s", record.type, record.key, error)
        await bulk.execute(connection, BURY, record.seq, repr(error))
    if metrics is not None:
        metrics.relayed(len(done), len(records) - len(done), lasted)
        acknowledged = set(done)
        metrics.facts_said(Counter(r.type for r in records if r.seq in acknowledged))
    return Round(published=len(done), more=more, doubtful=doubtful)


async def _send(
    sender: Sender, records: Sequence[OutboxRecord]
) -> tuple[list[int], list[tuple[OutboxRecord, BaseException]]]:
    """Send in order; return the seqs to delete and the records that can never be sent.

    Behind a record that cannot be sent nothing of its key is sent. Kafka refuses a whole batch for
    one record, so what it refuses together with others is left, to be sent alone.
    """
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            sent, poisoned = await _hand_over_all(sender, records)
    except (TimeoutError, KafkaError) as error:
        raise UnacknowledgedSend(f"the producer did not take every record: {error!r}") from error
    failpoints.reached("after_produce", len(sent))
    if sent:
        _, late = await asyncio.wait([f for _, f in sent], timeout=ACK_TIMEOUT_S)
        if late:
            raise UnacknowledgedSend(f"{len(late)} of {len(sent)} sends got no answer")
    stopped: set[tuple[str, str]] = set()
    done: list[int] = []
    for record, future in sent:
        failure = future.exception()
        if record.lane in stopped:
            continue
        if failure is None:
            done.append(record.seq)
            continue
        if not isinstance(failure, POISON):
            raise UnacknowledgedSend(str(failure)) from failure
        stopped.add(record.lane)
        if len(records) == 1:
            poisoned[record.lane] = (record, failure)
    return done, list(poisoned.values())


async def _hand_over_all(
    sender: Sender, records: Sequence[OutboxRecord]
) -> tuple[
    list[tuple[OutboxRecord, asyncio.Future[Any]]],
    dict[tuple[str, str], tuple[OutboxRecord, BaseException]],
]:
    """Hand records to the producer; returns what it took, and by lane what it can never take.
    Nothing is sent behind a record of its key that was refused: it stays in the outbox."""
    sent: list[tuple[OutboxRecord, asyncio.Future[Any]]] = []
    poisoned: dict[tuple[str, str], tuple[OutboxRecord, BaseException]] = {}
    for record in records:
        if record.lane in poisoned:
            continue
        try:
            sent.append((record, await _hand_over(sender, record)))
        except POISON as error:
            poisoned[record.lane] = (record, error)
    return sent, poisoned


async def _hand_over(sender: Sender, record: OutboxRecord) -> asyncio.Future[Any]:
    """Raises one of POISON for a record that Kafka will never take."""
    size = len(record.payload) + len(record.headers)
    if size > LARGEST:
        raise MessageSizeTooLargeError(f"the event has {size} bytes; Kafka takes {LARGEST}")
    headers = record.kafka_headers()
    return await sender.send(record.topic, record.payload, key=record.key.encode(), headers=headers)
