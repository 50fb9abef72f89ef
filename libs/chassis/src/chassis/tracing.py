"""Traces along facts: the creation context rides in the outbox row and reaches every hearer.

A ``create`` span is made where a fact is said, a ``send`` span per relay batch, a ``poll`` span per
consumed batch, and a ``process`` span per message as child of its creation. Where the parent is not
sampled no span is made at all; only the context is handed on. Names follow the messaging
conventions of OpenTelemetry 1.44.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from contextvars import Token
from functools import lru_cache
from types import TracebackType

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext, SpanKind
from opentelemetry.util.types import AttributeValue

from chassis.batch_spans import poll_span, polled, send_span
from chassis.recording import RecordedSpan
from chassis.server_spans import HttpTelemetry
from chassis.telemetry import (
    Handled,
    Telemetry,
    current_ids,
    current_trace_id,
    current_traceparent,
    handling,
    here,
    record_exception,
    record_refusal,
    recorder,
    setup_telemetry,
)
from chassis.trace_context import TraceContext, unsampled_root

__all__ = [
    "HttpTelemetry",
    "Telemetry",
    "TraceContext",
    "creation_context",
    "current_ids",
    "current_trace_id",
    "current_traceparent",
    "poll_span",
    "process_span",
    "record_exception",
    "record_refusal",
    "send_span",
    "setup_telemetry",
]

_OUTSIDE = Context()


@lru_cache(1024)
def _named(operation: str, topic: str) -> str:
    return f"{operation} {topic}"


def creation_context(
    topic: str,
    event_type: str,
    key: str,
    journey_id: str,
    *,
    parent: TraceContext | None = None,
    apart: bool = False,
) -> TraceContext:
    """The context of a fact's creation: a ``create`` span when sampled, else the parent's own.

    The parent is the one given, or else the span we are in; with neither, a new trace begins. One
    also begins when the fact stands ``apart``; it links to the span we are in.
    """
    making, place = recorder(), here.get()
    above: SpanContext | None = None
    trace_id = 0
    links: Sequence[Link] = ()
    if apart:
        trace_id = making.new_trace() if making is not None else 0
        if trace_id and isinstance(place, RecordedSpan):
            links = (Link(place.get_span_context()),)
    elif isinstance(place, RecordedSpan) and (parent is None or parent is place.carried):
        if making is None:
            return place.carried
        above = place.get_span_context()
    else:
        carried = parent or (current_traceparent() if place is None else place)
        if isinstance(carried, TraceContext):
            if making is None or not carried.sampled:
                return carried
            above = carried.span_context()
        if above is None:
            trace_id = making.new_trace() if making is not None else 0
    if making is None or not (above or trace_id):
        return unsampled_root()
    attributes: dict[str, AttributeValue] = {
        "messaging.system": "kafka",
        "messaging.operation.name": "create",
        "messaging.operation.type": "create",
        "messaging.destination.name": topic,
        "messaging.kafka.message.key": key,
        "messaging.message.conversation_id": journey_id,
        "ltc.journey_id": journey_id,
        "ltc.event_type": event_type,
    }
    name = _named("create", topic)
    if above is not None:
        span = making.child(name, SpanKind.PRODUCER, above, attributes)
    else:
        span = making.root(name, SpanKind.PRODUCER, attributes, links, trace_id)
    span.end()
    return span.carried


class _Handling:
    """A message is being handled: its ids are on every log line, its context is carried on.

    With a span, that is the place we are in, for us and for instrumented libraries.
    """

    __slots__ = ("_about", "_attached", "_context", "_handled", "_here", "_span")
    _attached: Token[Context]
    _handled: Token[Handled | None]
    _here: Token[RecordedSpan | TraceContext | None]

    def __init__(self, about: Handled, context: TraceContext, span: RecordedSpan | None) -> None:
        self._about = about
        self._context = context
        self._span = span

    def __enter__(self) -> TraceContext:
        span = self._span
        self._handled = handling.set(self._about)
        if span is None:
            self._here = here.set(self._context)
        else:
            self._here = here.set(span)
            self._attached = otel_context.attach(trace.set_span_in_context(span, _OUTSIDE))
        return self._context

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        here.reset(self._here)
        handling.reset(self._handled)
        if self._span is not None:
            otel_context.detach(self._attached)
            if isinstance(error, Exception):
                self._span.fail(error)
            self._span.end()


def process_span(
    topic: str,
    partition: int,
    offset: int,
    key: str | None,
    group: str,
    event_type: str,
    event_id: str,
    journey_id: str,
    creation: TraceContext | None,
    batch: TraceContext | None = None,
) -> AbstractContextManager[TraceContext]:
    """One message is handled: child of its creation, linked to it and to the batch it came with.

    ``batch`` is the ``poll`` span around us unless given; for a parked message that is tried again
    it is the earlier attempt. What is said inside continues the trace that the manager yields.
    """
    about = Handled(journey_id, event_id, event_type, key, group, topic, partition, offset)
    making = recorder()
    if creation is not None and (making is None or not creation.sampled):
        if creation.well_formed:
            return _Handling(about, creation, None)
        creation = None
    above = creation.span_context() if creation is not None else None
    trace_id = making.new_trace() if making is not None and above is None else 0
    if making is None or not (above or trace_id):
        return _Handling(about, unsampled_root(), None)
    attributes = _process_attributes(about)
    links = [Link(above)] if above is not None else []
    came_with = batch.span_context() if batch is not None else polled.get()
    if came_with is not None:
        links.append(Link(came_with))
    name = _named("process", topic)
    if above is not None:
        span = making.child(name, SpanKind.CONSUMER, above, attributes, links)
    else:
        span = making.root(name, SpanKind.CONSUMER, attributes, links, trace_id)
    return _Handling(about, span.carried, span)


def _process_attributes(about: Handled) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": about.topic,
        "messaging.destination.partition.id": str(about.partition),
        "messaging.kafka.offset": about.offset,
        "messaging.consumer.group.name": about.consumer,
        "messaging.message.id": about.event_id,
        "messaging.message.conversation_id": about.journey_id,
        "ltc.journey_id": about.journey_id,
        "ltc.event_type": about.event_type,
    }
    if about.aggregate_id is not None:
        attributes["messaging.kafka.message.key"] = about.aggregate_id
    return attributes
