"""Switching spans on and off for one process, and where in a trace the running code is."""

from __future__ import annotations

import os
from contextvars import ContextVar
from typing import NamedTuple

from opentelemetry import trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.sdk.environment_variables import OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from chassis.otlp import SpanSender
from chassis.recording import RecordedSpan, Recorder, RootSampler
from chassis.trace_context import TraceContext

QUEUE, BATCH, DELAY_MS, EXPORT_TIMEOUT_S = 16_384, 2_048, 1_000, 5
SCOPE = InstrumentationScope("chassis")

here: ContextVar[RecordedSpan | TraceContext | None] = ContextVar("here", default=None)
"""The span we are in; where none is recorded, the context to carry on."""


class Handled(NamedTuple):
    """The message being handled, as log lines name it."""

    journey_id: str
    event_id: str
    event_type: str
    aggregate_id: str | None
    consumer: str
    topic: str
    partition: int
    offset: int


handling: ContextVar[Handled | None] = ContextVar("handling", default=None)


class Telemetry:
    """What `setup_telemetry` switched on. ``provider`` is for instrumentations of libraries."""

    def __init__(self, provider: TracerProvider, recorder: Recorder | None) -> None:
        self.provider = provider
        self.recorder = recorder

    def flush(self) -> None:
        """Send what is held. Returns when it has been tried."""
        self.provider.force_flush()

    def shutdown(self) -> None:
        """Send what is held, and make no more spans."""
        global _recorder
        if _recorder is self.recorder:
            _recorder = None
        self.provider.shutdown()


_recorder: Recorder | None = None


def recorder() -> Recorder | None:
    """What makes spans in this process; none when nobody would get them."""
    return _recorder


def setup_telemetry(
    service: str,
    *,
    version: str,
    instance: str,
    otlp_endpoint: str | None,
    sample_ratio: float = 1.0,
    traces_per_second: float = 0.0,
    exporter: SpanExporter | None = None,
    meters: MeterProvider | None = None,
) -> Telemetry:
    """Start making spans, for an OTLP/HTTP endpoint such as ``http://127.0.0.1:4318``.

    Without an endpoint, or with ``OTEL_SDK_DISABLED``, no span is made and contexts still travel.
    ``sample_ratio`` and ``traces_per_second`` (0: no bound) decide for traces that begin here;
    those that arrive keep what was decided for them. ``meters`` gets the SDK's own counts of spans
    sent and lost.
    """
    global _recorder
    roots = RootSampler(sample_ratio, traces_per_second)
    resource = Resource.create(
        {"service.name": service, "service.version": version, "service.instance.id": instance}
    )
    provider = TracerProvider(resource=resource, sampler=ParentBased(roots), shutdown_on_exit=False)
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if meters is not None:
        os.environ.setdefault(OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED, "true")
    if exporter is None and otlp_endpoint and not disabled:
        endpoint = f"{otlp_endpoint.rstrip('/')}/v1/traces"
        exporter = SpanSender(endpoint=endpoint, timeout=EXPORT_TIMEOUT_S, meter_provider=meters)
    _recorder = None
    if exporter is not None and not disabled:
        processor = BatchSpanProcessor(
            exporter,
            max_queue_size=QUEUE,
            max_export_batch_size=BATCH,
            schedule_delay_millis=DELAY_MS,
            meter_provider=meters,
        )
        provider.add_span_processor(processor)
        _recorder = Recorder(processor, resource=resource, scope=SCOPE, roots=roots)
    return Telemetry(provider, _recorder)


def current_traceparent() -> TraceContext | None:
    """The context to hand on from here; none outside of any trace."""
    place = here.get()
    if place is None:
        context = trace.get_current_span().get_span_context()
        if not context.is_valid:
            return None
        return TraceContext(
            f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}",
            context.trace_state.to_header() or None,
        )
    return place if type(place) is TraceContext else place.carried  # type: ignore[union-attr]


def current_trace_id() -> str | None:
    """The trace's 32 hexadecimal digits, whether or not it is recorded."""
    place = current_traceparent()
    return place.trace_id if place is not None else None


def current_ids() -> tuple[str, str] | None:
    """Trace id and span id for a log line; none outside of any trace."""
    place = current_traceparent()
    return (place.trace_id, place.span_id) if place is not None else None


def record_exception(error: BaseException) -> None:
    """Mark the span we are in as failed with this error."""
    place = here.get()
    if isinstance(place, RecordedSpan):
        place.fail(error)


def record_refusal(error: BaseException) -> None:
    """Note on the span we are in that a rule said no. A refusal is an answer, not a failure."""
    place = here.get()
    if isinstance(place, RecordedSpan):
        place.set_attribute("ltc.refusal", type(error).__name__)
