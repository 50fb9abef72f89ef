"""CloudEvents 1.0 in Kafka's binary mode: the fact is the value, all about it is in the headers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

Headers = Iterable[tuple[str, bytes | None]]

SCHEMA_PATH = "/schemas"
_CONTENT_TYPE = ("content-type", b"application/json")
_SEQUENCE_DIGITS = 20
LAST_SEQUENCE = 2**63 - 1
LONGEST_TEXT = 500
"""Characters of an attribute. Receivers keep them in indexes, which are bounded."""
FIRST_TIME = datetime(1970, 1, 1, tzinfo=UTC)
END_OF_TIME = datetime(2200, 1, 1, tzinfo=UTC)
"""Between these every reader can take an event's time to UTC, to seconds and to its database."""
TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[ -~]*)?"
)
TRACESTATE = re.compile(r"[ -~]{1,512}")
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
        if not FIRST_TIME <= moment < END_OF_TIME:
            raise MalformedEnvelope(f"ce_time is not between 1970 and 2200: {time[:40]!r}")
        sequence = _text(found, "ce_sequence")
        if not (sequence.isascii() and sequence.isdigit() and len(sequence) <= _SEQUENCE_DIGITS):
            raise MalformedEnvelope(f"ce_sequence is no number: {sequence[:40]!r}")
        if int(sequence) > LAST_SEQUENCE:
            raise MalformedEnvelope(f"ce_sequence is more than {LAST_SEQUENCE}")
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
            traceparent=_trace(found, "traceparent", TRACEPARENT),
            tracestate=_trace(found, "tracestate", TRACESTATE),
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
        text = value.decode()
    except UnicodeDecodeError as error:
        raise MalformedEnvelope(f"{name} is not UTF-8") from error
    if len(text) > LONGEST_TEXT or "\0" in text:
        raise MalformedEnvelope(f"{name} holds NUL or more than {LONGEST_TEXT} characters")
    return text


def _optional(headers: dict[str, bytes | None], name: str) -> str | None:
    return _text(headers, name) if headers.get(name) else None


def _trace(headers: dict[str, bytes | None], name: str, form: re.Pattern[str]) -> str | None:
    """A header of the trace context. A malformed one is ignored, as the W3C asks: a new trace
    begins, and the event is the same."""
    text = (headers.get(name) or b"").decode("latin-1")
    return text if form.fullmatch(text) else None


def _uuid(headers: dict[str, bytes | None], name: str) -> UUID:
    text = _text(headers, name)
    try:
        return UUID(text)
    except ValueError as error:
        raise MalformedEnvelope(f"{name} is no UUID: {text[:40]!r}") from error
