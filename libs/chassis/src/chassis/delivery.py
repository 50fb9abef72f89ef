"""A Kafka record as a consumer sees it: decoded once, or kept as it came when it cannot be."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import NAMESPACE_OID, UUID, uuid5

import orjson
from pydantic import ValidationError

from chassis import strict_json
from chassis.tracing import TraceContext
from contracts.envelope import Envelope
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
            [
                [n.replace("\0", "\\0"), None if v is None else b64encode(v).decode()]
                for n, v in self.headers
            ]
        ).decode()

    @staticmethod
    def headers_from(stored: Sequence[Sequence[str | None]]) -> list[tuple[str, bytes | None]]:
        return [(n or "", None if v is None else b64decode(v)) for n, v in stored]


LONGEST_KEY = 500
"""Bytes of a record's key that names a lane. Lanes stand in indexes, which are bounded; ours are
ids of 36 characters."""


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


def decode(record: Record, fact: type[Event], *, keeps_text: bool = False) -> Delivery:
    """Read a record as the given fact. What cannot be read comes back with its error, whatever it
    is. Who ``keeps_text`` keeps the record's JSON as it came, so all of it is read strictly."""
    key = _lane_key(record)
    envelope: Envelope | None = None
    try:
        envelope = Envelope.from_headers(record.headers)
        if record.value is None:
            raise Undecodable("the value is null")
        if keeps_text:
            parsed = fact.model_validate(strict_json.read(record.value))
        else:
            strict_json.screen(record.value)
            parsed = fact.model_validate_json(record.value)
    except Exception as error:
        event_id = envelope.id if envelope else position_id(record)
        return Delivery(record, key, event_id, envelope, None, Undecodable(_one_line(error)))
    return Delivery(record, key, envelope.id, envelope, parsed)


def _lane_key(record: Record) -> str:
    """The record's key as text; its place where it has none that can be kept."""
    try:
        key = record.key.decode() if record.key and len(record.key) <= LONGEST_KEY else ""
    except UnicodeDecodeError:
        key = ""
    return key.replace("\0", "") or f"@{record.partition}-{record.offset}"


def _one_line(error: Any) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        field = "/".join(str(part) for part in first["loc"])
        said = f"/{field}: {first['msg']} ({error.error_count()} errors)"
        return said.replace("\0", "")
    said = str(error).replace("\0", "").encode("utf-8", "backslashreplace").decode()
    told = isinstance(error, ValueError | Undecodable)
    return said if told else f"{type(error).__name__}: {said}"
