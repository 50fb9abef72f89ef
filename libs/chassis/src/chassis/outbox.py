"""Saying a fact: it becomes an outbox row in the transaction of the change it tells of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zlib import crc32

import orjson

from chassis.domain import FactTooLarge
from chassis.tracing import TraceContext, creation_context
from contracts.envelope import Envelope
from contracts.event import Event
from contracts.ids import new_id

SHARDS = 16
LARGEST = 1_000_000
"""Bytes of an event with its headers. A little less than what Kafka takes by default, with lz4 or
without."""
DERIVED = "state"
"""The ``aggregatetype`` of what follows from facts: it is sent like them, and kept in no log."""


def shard_of(topic: str, key: str) -> int:
    """The shard that orders this key's facts. Stable for ever: rows of one key never part."""
    return crc32(f"{topic}\0{key}".encode()) % SHARDS


@dataclass(frozen=True, slots=True)
class Cause:
    """What made this transaction happen: the event being handled; none for a person or timer."""

    event_id: UUID
    journey_id: UUID
    trace: TraceContext | None


def outbox_row(
    fact: Event,
    *,
    source: str,
    journey_id: UUID,
    version: int,
    now: datetime,
    cause: Cause | None,
    apart: dict[UUID, TraceContext] | None = None,
) -> dict[str, Any]:
    """The row of one fact. The payload is serialised here, once; the relay never parses it.

    With ``apart``, the first fact of each journey begins a trace of its own and is noted there;
    those that follow it continue that trace.
    """
    key = str(fact.key_value())
    parent = cause.trace if cause else apart.get(journey_id) if apart else None
    alone = apart is not None and parent is None
    trace = creation_context(
        fact.topic, fact.name, key, str(journey_id), parent=parent, apart=alone
    )
    if apart is not None and alone:
        apart[journey_id] = trace
    event_id = new_id()
    envelope = Envelope(
        id=event_id,
        type=fact.name,
        source=source,
        subject=key,
        time=now,
        sequence=version,
        journey_id=journey_id,
        causation_id=cause.event_id if cause else None,
        traceparent=trace.traceparent,
        tracestate=trace.tracestate,
        partition_key=key,
    )
    headers = {name: value.decode() for name, value in envelope.to_headers()}
    payload = fact.model_dump_json().encode()
    written = orjson.dumps(headers).decode()
    if len(payload) + len(written) > LARGEST:
        raise FactTooLarge(
            f"what happened here would be an event of {len(payload) + len(written)} bytes; an event"
            f" has at most {LARGEST}"
        )
    return {
        "id": event_id,
        "shard": shard_of(fact.topic, key),
        "topic": fact.topic,
        "key": key,
        "aggregatetype": fact.topic.split(".")[1],
        "aggregateid": key,
        "aggregate_version": version,
        "type": fact.name,
        "headers": written,
        "payload": payload,
        "created_at": now,
    }
