"""Spans made directly: what the SDK's tracer does for any caller, at a fifth of its cost for ours.

A `RecordedSpan` is a span like any other to processors, exporters and to code that asks for the
current span. It skips what our few call sites never need: samplers called with arguments,
attribute checks, locks, and limits that those call sites keep by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import getrandbits
from time import monotonic, time_ns

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceState
from opentelemetry.util.types import Attributes, AttributeValue

from chassis.trace_context import SAMPLED, TraceContext, new_trace_id

MESSAGE_LENGTH = 300
"""Characters of an exception's message that a span keeps."""
_UNSET = Status(StatusCode.UNSET)


class RootSampler(Sampler):
    """Decides for new traces: a share of them, and at most so many a second.

    ``per_second`` 0 sets no bound. With one, quiet hours are recorded whole, and a flood costs no
    more than a bounded part of it.
    """

    def __init__(self, ratio: float, per_second: float = 0.0) -> None:
        self._bound = TraceIdRatioBased.get_bound_for_rate(ratio)
        self._per_second = per_second
        self._burst = max(1.0, per_second)
        self._tokens = self._burst
        self._at = monotonic()

    def takes(self, trace_id: int) -> bool:
        """Whether this new trace is recorded."""
        if trace_id & 0xFFFFFFFFFFFFFFFF >= self._bound:
            return False
        if not self._per_second:
            return True
        now = monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        taken = self.takes(trace_id)
        return SamplingResult(Decision.RECORD_AND_SAMPLE if taken else Decision.DROP, attributes)

    def get_description(self) -> str:
        return f"RootSampler{{{self._bound / 2**64:g}, {self._per_second:g}/s}}"


class RecordedSpan(ReadableSpan, trace.Span):
    """A sampled span. The attributes given to it become its own: pass a new dict."""

    def __init__(
        self,
        recorder: Recorder,
        name: str,
        kind: SpanKind,
        context: SpanContext,
        parent: SpanContext | None,
        attributes: dict[str, AttributeValue],
        links: Sequence[Link],
    ) -> None:
        self._recorder = recorder
        self._name = name
        self._kind = kind
        self._context = self._own_context = context
        self._parent = parent
        self._resource = recorder.resource
        self._instrumentation_scope = recorder.scope
        self._instrumentation_info = None
        self._attributes = self._own = attributes
        self._links = links
        self._events: list[Event] = []
        self._status = _UNSET
        self._end_time: int | None = None
        self.carried = TraceContext(
            f"00-{context.trace_id:032x}-{context.span_id:016x}-01",
            context.trace_state.to_header() if context.trace_state else None,
        )
        """This span as the facts said inside it carry it on."""
        self._start_time = time_ns()

    def get_span_context(self) -> SpanContext:
        return self._own_context

    def is_recording(self) -> bool:
        return self._end_time is None

    def update_name(self, name: str) -> None:
        self._name = name

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        self._own[key] = value

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        self._own.update(attributes)

    def add_event(
        self, name: str, attributes: Attributes = None, timestamp: int | None = None
    ) -> None:
        self._events.append(Event(name, attributes, timestamp))

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        self._links = [*self._links, Link(context, attributes)]

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        self._status = status if isinstance(status, Status) else Status(status, description)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Note a failure. The stack is in the log, under this span's ids."""
        name = type(exception).__name__
        message = " ".join(str(exception).split())[:MESSAGE_LENGTH]
        told = {"exception.type": name, "exception.message": message, **(attributes or {})}
        self.add_event("exception", told, timestamp)

    def fail(self, error: BaseException) -> None:
        """Mark as failed with this error."""
        self.record_exception(error)
        self._own["error.type"] = type(error).__name__
        self._status = Status(StatusCode.ERROR, type(error).__name__)

    def end(self, end_time: int | None = None) -> None:
        if self._end_time is None:
            self._end_time = end_time or time_ns()
            self._recorder.processor.on_end(self)


class Recorder:
    """Makes the spans of one process and hands the finished ones to its processor."""

    def __init__(
        self,
        processor: SpanProcessor,
        *,
        resource: Resource,
        scope: InstrumentationScope,
        roots: RootSampler,
    ) -> None:
        self.processor = processor
        self.resource = resource
        self.scope = scope
        self.roots = roots

    def child(
        self,
        name: str,
        kind: SpanKind,
        parent: SpanContext,
        attributes: dict[str, AttributeValue],
        links: Sequence[Link] = (),
    ) -> RecordedSpan:
        """A span below another, which may be in another process."""
        context = SpanContext(
            parent.trace_id, getrandbits(64) or 1, False, SAMPLED, parent.trace_state
        )
        return RecordedSpan(self, name, kind, context, parent, attributes, links)

    def root(
        self,
        name: str,
        kind: SpanKind,
        attributes: dict[str, AttributeValue],
        links: Sequence[Link] = (),
        trace_id: int = 0,
    ) -> RecordedSpan:
        """The first span of a trace that is known to be recorded."""
        context = SpanContext(trace_id or new_trace_id(), getrandbits(64) or 1, False, SAMPLED)
        return RecordedSpan(self, name, kind, context, None, attributes, links)

    def new_trace(self) -> int:
        """The id of a new trace when it is to be recorded, 0 otherwise."""
        trace_id = new_trace_id()
        return trace_id if self.roots.takes(trace_id) else 0
