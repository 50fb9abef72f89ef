"""Traces along facts: the creation context rides in the outbox row and reaches every hearer.

A ``create`` span is made where a fact is said, a ``send`` span per relay batch, a ``poll`` span per
consumed batch, and a ``process`` span per message as child of its creation. Where the parent is not
sampled no span object is made at all; only the context is handed on. Names follow the messaging
conventions of OpenTelemetry 1.44.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import getrandbits
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_LINKS = 100
"""Below the SDK's limit of 128 links a span; what is over goes into further spans."""


@dataclass(frozen=True, slots=True)
class TraceContext:
    """The W3C context of one fact's creation, as its headers carry it."""

    traceparent: str
    tracestate: str | None = None

    @property
    def sampled(self) -> bool:
        return self.traceparent.endswith("1")

    def span_context(self) -> SpanContext | None:
        """As OpenTelemetry's own; none when it is malformed."""
        parts = self.traceparent.split("-")
        try:
            return SpanContext(
                int(parts[1], 16),
                int(parts[2], 16),
                is_remote=True,
                trace_flags=TraceFlags(int(parts[3], 16)),
            )
        except (IndexError, ValueError):
            return None


class Telemetry:
    """What `setup_telemetry` set up; ``shutdown`` sends what is still held."""

    def __init__(self, provider: TracerProvider) -> None:
        self.provider = provider

    def shutdown(self) -> None:
        self.provider.shutdown()


_tracer: trace.Tracer = trace.NoOpTracer()
_ratio_bound = 0


def setup_telemetry(
    service: str,
    *,
    version: str,
    instance: str,
    otlp_endpoint: str | None,
    sample_ratio: float = 1.0,
    exporter: SpanExporter | None = None,
) -> Telemetry:
    """Start making spans. Without an endpoint they are made and dropped, contexts still travel."""
    global _tracer, _ratio_bound
    provider = TracerProvider(
        resource=Resource.create(
            {"service.name": service, "service.version": version, "service.instance.id": instance}
        ),
        sampler=ParentBased(TraceIdRatioBased(sample_ratio)),
        shutdown_on_exit=False,
    )
    if exporter is None and otlp_endpoint:
        exporter = OTLPSpanExporter(endpoint=f"{otlp_endpoint}/v1/traces", timeout=5)
    if exporter is not None:
        provider.add_span_processor(
            BatchSpanProcessor(
                exporter,
                max_queue_size=16_384,
                max_export_batch_size=2_048,
                schedule_delay_millis=1_000,
            )
        )
    _tracer = provider.get_tracer("chassis")
    _ratio_bound = TraceIdRatioBased.get_bound_for_rate(sample_ratio) if exporter else 0
    return Telemetry(provider)


def _format(context: SpanContext) -> TraceContext:
    flags = "01" if context.trace_flags.sampled else "00"
    return TraceContext(
        f"00-{context.trace_id:032x}-{context.span_id:016x}-{flags}",
        context.trace_state.to_header() or None,
    )


def current_context() -> TraceContext | None:
    """The context of the span we are in; none outside of any."""
    context = trace.get_current_span().get_span_context()
    return _format(context) if context.is_valid else None


def current_traceparent() -> TraceContext | None:
    """The context to hand on from here; none outside of any span."""
    return current_context()


def current_trace_id() -> str | None:
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


def creation_context(
    topic: str, event_type: str, key: str, journey_id: str, *, parent: TraceContext | None = None
) -> TraceContext:
    """The context of a fact's creation: a ``create`` span when sampled, bare ids otherwise."""
    current = trace.get_current_span().get_span_context()
    context = otel_context.get_current()
    if not current.is_valid and parent is not None:
        remote = parent.span_context()
        if remote is not None:
            current = remote
            context = trace.set_span_in_context(NonRecordingSpan(remote))
    trace_id = current.trace_id if current.is_valid else getrandbits(128)
    sampled = (
        current.trace_flags.sampled
        if current.is_valid
        else (trace_id & 0xFFFFFFFFFFFFFFFF) < _ratio_bound
    )
    if not sampled:
        return TraceContext(f"00-{trace_id:032x}-{getrandbits(64) or 1:016x}-00")
    span = _tracer.start_span(
        f"create {topic}",
        context,
        SpanKind.PRODUCER,
        {
            "messaging.system": "kafka",
            "messaging.operation.name": "create",
            "messaging.operation.type": "create",
            "messaging.destination.name": topic,
            "messaging.kafka.message.key": key,
            "messaging.message.conversation_id": journey_id,
            "ltc.journey_id": journey_id,
            "ltc.event_type": event_type,
        },
    )
    span.end()
    made = span.get_span_context()
    if not made.is_valid:
        return TraceContext(f"00-{trace_id:032x}-{getrandbits(64) or 1:016x}-00")
    return _format(made)


def _links(contexts: Sequence[TraceContext | None]) -> list[Link]:
    found = (c.span_context() for c in contexts if c is not None and c.sampled)
    return [Link(context) for context in found if context is not None]


@contextmanager
def _linked_spans(
    name: str, kind: SpanKind, links: Sequence[Link], attributes: dict[str, Any]
) -> Iterator[None]:
    """A root span with at most MAX_LINKS links, and siblings for the links beyond."""
    if not links:
        yield
        return
    root = otel_context.Context()
    spans = [
        _tracer.start_span(name, root, kind, attributes, links[start : start + MAX_LINKS])
        for start in range(0, len(links), MAX_LINKS)
    ]
    try:
        yield
    except Exception as error:
        for span in spans:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
        raise
    finally:
        for span in spans:
            span.end()


@contextmanager
def send_span(records: Sequence[Any]) -> Iterator[None]:
    """The relay sends a batch: linked to the creation of each sampled fact in it."""
    contexts: list[TraceContext | None] = []
    for record in records:
        at = record.headers.find('"traceparent": "')
        if at >= 0:
            contexts.append(TraceContext(record.headers[at + 16 : at + 71]))
    links = _links(contexts)
    oldest = min((r.created_at for r in records), default=None)
    dwell = (time.time() - oldest.timestamp()) * 1000 if oldest else 0.0
    attributes = {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.batch.message_count": len(records),
        "ltc.outbox.dwell_ms": dwell,
    }
    with _linked_spans("send", SpanKind.CLIENT, links, attributes):
        yield


@contextmanager
def poll_span(group: str, contexts: Sequence[TraceContext | None]) -> Iterator[None]:
    """A consumer settles a batch: linked to the creation of each sampled fact in it."""
    attributes = {
        "messaging.system": "kafka",
        "messaging.operation.name": "poll",
        "messaging.operation.type": "receive",
        "messaging.consumer.group.name": group,
        "messaging.batch.message_count": len(contexts),
    }
    with _linked_spans("poll", SpanKind.CLIENT, _links(contexts), attributes):
        yield


@contextmanager
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
) -> Iterator[TraceContext | None]:
    """One message is handled: child of its creation. What is said inside continues the trace."""
    if creation is None or not creation.sampled:
        yield creation
        return
    remote = creation.span_context()
    if remote is None:
        yield None
        return
    parent = trace.set_span_in_context(NonRecordingSpan(remote), otel_context.Context())
    span = _tracer.start_span(
        f"process {topic}",
        parent,
        SpanKind.CONSUMER,
        {
            "messaging.system": "kafka",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": topic,
            "messaging.destination.partition.id": str(partition),
            "messaging.kafka.offset": offset,
            "messaging.kafka.message.key": key or "",
            "messaging.consumer.group.name": group,
            "messaging.message.id": event_id,
            "messaging.message.conversation_id": journey_id,
            "ltc.journey_id": journey_id,
            "ltc.event_type": event_type,
        },
        (Link(remote), *_links([batch])),
    )
    token = otel_context.attach(trace.set_span_in_context(span, parent))
    try:
        yield _format(span.get_span_context())
    except Exception as error:
        span.set_status(Status(StatusCode.ERROR, type(error).__name__))
        raise
    finally:
        otel_context.detach(token)
        span.end()


class HttpTelemetry:
    """One SERVER span per request, as pure ASGI: a third of what the framework's own costs."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(("/health", "/metrics", "/v1/")):
            await self._app(scope, receive, send)
            return
        incoming = next((v for n, v in scope["headers"] if n == b"traceparent"), None)
        parent = TraceContext(incoming.decode("latin-1")).span_context() if incoming else None
        context = otel_context.Context()
        if parent is not None:
            context = trace.set_span_in_context(NonRecordingSpan(parent), context)
        span = _tracer.start_span(
            scope["method"],
            context,
            SpanKind.SERVER,
            {"http.request.method": scope["method"], "url.path": scope["path"]},
        )
        token = otel_context.attach(trace.set_span_in_context(span, context))

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                status = message["status"]
                span.set_attribute("http.response.status_code", status)
                if status >= 500:
                    span.set_status(Status(StatusCode.ERROR))
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            route = scope.get("route")
            template = getattr(route, "path", None)
            if template:
                span.update_name(f"{scope['method']} {template}")
                span.set_attribute("http.route", template)
            otel_context.detach(token)
            span.end()
