"""Spans of whole batches, the relay's and the consumer's, linked to every creation in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Protocol

from opentelemetry.trace import Link, SpanContext, SpanKind
from opentelemetry.util.types import AttributeValue

from chassis.recording import RecordedSpan, Recorder
from chassis.telemetry import recorder
from chassis.trace_context import LENGTH, ODD, TraceContext

MAX_LINKS = 100
"""Below the SDK's limit of 128 links a span; what is over goes into further spans."""

_IN_HEADERS = '"traceparent": "'

polled: ContextVar[SpanContext | None] = ContextVar("polled", default=None)
"""The ``poll`` span that the messages being handled came with."""


class OutboxRecordLike(Protocol):
    """What of an outbox row tells of its trace; ``headers`` is PostgreSQL's text of a jsonb."""

    @property
    def topic(self) -> str: ...
    @property
    def headers(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...


def _links(contexts: Sequence[TraceContext | None]) -> list[Link]:
    found = (c.span_context() for c in contexts if c is not None and c.sampled)
    return [Link(context) for context in found if context is not None]


def _begin_linked(
    making: Recorder, name: str, links: Sequence[Link], attributes: dict[str, AttributeValue]
) -> list[RecordedSpan]:
    """Spans of one new trace that share the links, none with too many."""
    first = making.root(name, SpanKind.CLIENT, dict(attributes), links[:MAX_LINKS])
    trace_id = first.get_span_context().trace_id
    return [first] + [
        making.root(name, SpanKind.CLIENT, dict(attributes), links[at : at + MAX_LINKS], trace_id)
        for at in range(MAX_LINKS, len(links), MAX_LINKS)
    ]


@contextmanager
def _together(spans: Sequence[RecordedSpan]) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        for span in spans:
            span.fail(error)
        raise
    finally:
        for span in spans:
            span.end()


def _stored(records: Sequence[OutboxRecordLike]) -> list[TraceContext]:
    """The sampled creation contexts of outbox rows, found in their headers without parsing them."""
    found = []
    for record in records:
        at = record.headers.find(_IN_HEADERS) + len(_IN_HEADERS)
        if at >= len(_IN_HEADERS) and record.headers[at + 54 : at + 55] in ODD:
            found.append(TraceContext(record.headers[at : at + LENGTH]))
    return found


@contextmanager
def send_span(records: Sequence[OutboxRecordLike]) -> Iterator[None]:
    """The relay sends a batch: linked to the creation of each sampled fact in it."""
    making = recorder()
    links = _links(_stored(records)) if making is not None else []
    if making is None or not links:
        yield
        return
    oldest = min(record.created_at for record in records)
    attributes: dict[str, AttributeValue] = {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.batch.message_count": len(records),
        "ltc.outbox.dwell_ms": (datetime.now(UTC) - oldest).total_seconds() * 1000,
    }
    topics = {record.topic for record in records}
    name = "send"
    if len(topics) == 1:
        attributes["messaging.destination.name"] = topic = topics.pop()
        name = f"send {topic}"
    with _together(_begin_linked(making, name, links, attributes)):
        yield


@contextmanager
def poll_span(
    consumer_group: str, contexts: Sequence[TraceContext | None]
) -> Iterator[TraceContext | None]:
    """A consumer settles a batch: linked to the creation of each sampled fact in it.

    Yields the span's context, to which the ``process`` spans inside link by themselves.
    """
    making = recorder()
    links = _links(contexts) if making is not None else []
    if making is None or not links:
        yield None
        return
    attributes: dict[str, AttributeValue] = {
        "messaging.system": "kafka",
        "messaging.operation.name": "poll",
        "messaging.operation.type": "receive",
        "messaging.consumer.group.name": consumer_group,
        "messaging.batch.message_count": len(contexts),
    }
    spans = _begin_linked(making, "poll", links, attributes)
    token = polled.set(spans[0].get_span_context())
    try:
        with _together(spans):
            yield spans[0].carried
    finally:
        polled.reset(token)
