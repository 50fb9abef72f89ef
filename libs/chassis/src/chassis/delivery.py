"""A Kafka record as a consumer sees it: decoded once, or kept as it came when it cannot be."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import NAMESPACE_OID, UUID, uuid5

import orjson
from pydantic import ValidationError

from chassis.tracing import TraceContext
from contracts.envelope import Envelope, MalformedEnvelope
from contracts.event import Event


class Record(Protocol):
    """What aiokafka delivers."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


class Undecodable(Exception):
    """The bytes are not a fact we know how to read: never retried, kept for a person to look at."""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record's bytes, wherever they are kept."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]

    def headers_json(self) -> str:
        return orjson.dumps(
            [[n, None if v is None else b64encode(v).decode()] for n, v in self.headers]
        ).decode()

    @staticmethod
    def headers_from(stored: Sequence[Sequence[str | None]]) -> list[tuple[str, bytes | None]]:
        return [(n or "", None if v is None else b64decode(v)) for n, v in stored]


@dataclass(slots=True)
class Delivery:
    """One message for one consumer: its fact and envelope, or why it has none."""

    record: Record
    key: str
    event_id: UUID
    envelope: Envelope | None = None
    fact: Event | None = None
    error: Undecodable | None = None

    @property
    def lane(self) -> tuple[str, str]:
        """What order is kept in: the messages of one key on one topic."""
        return (self.record.topic, self.key)

    @property
    def trace(self) -> TraceContext | None:
        envelope = self.envelope
        if envelope is None or envelope.traceparent is None:
            return None
        return TraceContext(envelope.traceparent, envelope.tracestate)


def position_id(record: Record) -> UUID:
    """An id for bytes that carry none: the same however often they are read."""
    return uuid5(NAMESPACE_OID, f"{record.topic}/{record.partition}/{record.offset}")


def decode(record: Record, fact: type[Event]) -> Delivery:
    """Read a record as the given fact. What cannot be read comes back with its error."""
    try:
        key = record.key.decode() if record.key else ""
    except UnicodeDecodeError:
        key = ""
    key = key.replace("\0", "") or f"@{record.partition}-{record.offset}"
    envelope: Envelope | None = None
    try:
        envelope = Envelope.from_headers(record.headers)
        if record.value is None:
            raise Undecodable("the value is null")
        parsed = fact.model_validate_json(record.value)
    except (MalformedEnvelope, ValidationError, ValueError, Undecodable) as error:
        event_id = envelope.id if envelope else position_id(record)
        return Delivery(record, key, event_id, envelope, None, Undecodable(_one_line(error)))
    return Delivery(record, key, envelope.id, envelope, parsed)


def _one_line(error: Any) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        field = "/".join(str(part) for part in first["loc"])
        return f"/{field}: {first['msg']} ({error.error_count()} errors)"
    return str(error).replace("\0", "")
