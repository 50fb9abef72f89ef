"""CloudEvents 1.0 in Kafka's binary mode: the fact is the value, all about it is in the headers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

Headers = Iterable[tuple[str, bytes | None]]

SCHEMA_PATH = "/schemas"
_CONTENT_TYPE = ("content-type", b"application/json")
_SEQUENCE_DIGITS = 20
_SPEC = ("ce_specversion", b"1.0")


class MalformedEnvelope(ValueError):
    """The headers do not make an envelope; the message names the header."""


@dataclass(slots=True)
class Envelope:
    """What is said about a fact, beside the fact."""

    id: UUID
    """The event's own id, by which a repeated one is recognised."""
    type: str
    source: str
    subject: str
    """The aggregate's id."""
    time: datetime
    sequence: int
    """The aggregate's version: one more with each of its facts. Order per subject, nothing more."""
    journey_id: UUID
    causation_id: UUID | None = None
    """The event that made this one happen; none when a person or a timer did."""
    traceparent: str | None = None
    tracestate: str | None = None
    partition_key: str | None = None

    def to_headers(self) -> list[tuple[str, bytes]]:
        headers = [
            _SPEC,
            ("ce_id", str(self.id).encode()),
            ("ce_source", self.source.encode()),
            ("ce_type", self.type.encode()),
            ("ce_subject", self.subject.encode()),
            ("ce_time", self.time.astimezone(UTC).isoformat().replace("+00:00", "Z").encode()),
            ("ce_dataschema", f"{SCHEMA_PATH}/{self.type}".encode()),
            ("ce_partitionkey", (self.partition_key or self.subject).encode()),
            ("ce_sequence", b"%020d" % self.sequence),
            ("ce_correlationid", str(self.journey_id).encode()),
            _CONTENT_TYPE,
        ]
        if self.causation_id is not None:
            headers.append(("ce_causationid", str(self.causation_id).encode()))
        if self.traceparent is not None:
            headers.append(("traceparent", self.traceparent.encode()))
        if self.tracestate:
            headers.append(("tracestate", self.tracestate.encode()))
        return headers

    @classmethod
    def from_headers(cls, headers: Headers) -> Envelope:
        """Read an envelope. Raises MalformedEnvelope naming the header; ignores unknown ones."""
        found = dict(headers)
        time = _text(found, "ce_time")
        try:
            moment = datetime.fromisoformat(time)
        except ValueError as error:
            raise MalformedEnvelope(f"ce_time is no RFC 3339 instant: {time[:40]!r}") from error
        if moment.tzinfo is None:
            raise MalformedEnvelope("ce_time has no offset")
        sequence = _text(found, "ce_sequence")
        if not (sequence.isascii() and sequence.isdigit() and len(sequence) <= _SEQUENCE_DIGITS):
            raise MalformedEnvelope(f"ce_sequence is no number: {sequence[:40]!r}")
        subject = _text(found, "ce_subject")
        return cls(
            id=_uuid(found, "ce_id"),
            type=_text(found, "ce_type"),
            source=_text(found, "ce_source"),
            subject=subject,
            time=moment,
            sequence=int(sequence),
            journey_id=_uuid(found, "ce_correlationid"),
            causation_id=_uuid(found, "ce_causationid") if "ce_causationid" in found else None,
            traceparent=_optional(found, "traceparent"),
            tracestate=_optional(found, "tracestate"),
            partition_key=_optional(found, "ce_partitionkey"),
        )


def peek_type(headers: Headers) -> str | None:
    """The type of a record without reading the rest: most records of a topic are not for you."""
    for name, value in headers:
        if name == "ce_type":
            return None if value is None else value.decode("utf-8", "replace")
    return None


def _text(headers: dict[str, bytes | None], name: str) -> str:
    value = headers.get(name)
    if not value:
        raise MalformedEnvelope(f"{name} is missing")
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise MalformedEnvelope(f"{name} is not UTF-8") from error


def _optional(headers: dict[str, bytes | None], name: str) -> str | None:
    return _text(headers, name) if headers.get(name) else None


def _uuid(headers: dict[str, bytes | None], name: str) -> UUID:
    text = _text(headers, name)
    try:
        return UUID(text)
    except ValueError as error:
        raise MalformedEnvelope(f"{name} is no UUID: {text[:40]!r}") from error
