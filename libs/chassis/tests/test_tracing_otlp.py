"""The OTLP encoder: its spans decode to the same values as those of the library's encoder."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState
from opentelemetry.util.types import Attributes

from chassis.otlp import encode_request

RESOURCE = Resource({"service.name": "test-svc", "process.pid": 7})
SCOPE = InstrumentationScope("chassis", "1.2")
SAMPLED = TraceFlags(TraceFlags.SAMPLED)


def a_context(n: int, *, remote: bool = False, state: str | None = None) -> SpanContext:
    trace_state = TraceState.from_header([state]) if state else None
    return SpanContext(n << 100 | n, n, remote, SAMPLED, trace_state)


def a_span(
    *,
    context: SpanContext | None = None,
    parent: SpanContext | None = None,
    attributes: Attributes = None,
    events: Sequence[Event] = (),
    links: Sequence[Link] = (),
    kind: SpanKind = SpanKind.INTERNAL,
    status: Status | None = None,
) -> ReadableSpan:
    return ReadableSpan(
        "näme 名",
        context or a_context(5),
        parent,
        RESOURCE,
        attributes or {},
        events,
        links,
        kind,
        status=status or Status(StatusCode.UNSET),
        start_time=1_700_000_000_000_000_001,
        end_time=1_700_000_000_000_500_002,
        instrumentation_scope=SCOPE,
    )


def assert_reads_the_same(spans: Sequence[ReadableSpan]) -> None:
    ours = ExportTraceServiceRequest.FromString(encode_request(spans))
    theirs = encode_spans(spans)
    for span in theirs.resource_spans[0].scope_spans[0].spans:
        if not span.status.code:
            span.ClearField("status")  # an unset status, which they write and we leave out
    assert ours == theirs


def test_otlp_encodes_every_span_kind_and_attribute_type_like_the_library() -> None:
    attributes: Attributes = {
        "text": "größe \U0001f4b0",
        "empty": "",
        "true": True,
        "false": False,
        "zero": 0,
        "negative": -1,
        "large": 2**62,
        "fraction": 0.1,
        "texts": ["a", "b"],
        "numbers": [1, -2, 300],
        "messaging.system": "kafka",
        "long": "x" * 20_000,
    }

    assert_reads_the_same([a_span(attributes=attributes, kind=kind) for kind in SpanKind])


def test_otlp_encodes_parents_links_events_and_states_like_the_library() -> None:
    near, far = a_context(6), a_context(7, remote=True)
    error = Event("exception", {"exception.type": "LookupError"}, 1_700_000_000_000_000_009)

    assert_reads_the_same(
        [
            a_span(parent=near, status=Status(StatusCode.OK)),
            a_span(parent=far, links=[Link(far), Link(near, {"why": "batch"})]),
            a_span(events=[error, error], status=Status(StatusCode.ERROR, "no such thing")),
            a_span(context=a_context(8, state="vendor=1,other=2")),
        ]
    )


def test_otlp_keeps_spans_of_several_scopes_apart() -> None:
    other = ReadableSpan(
        "x", a_context(9), None, RESOURCE, {}, instrumentation_scope=None, start_time=1, end_time=2
    )

    request = ExportTraceServiceRequest.FromString(encode_request([a_span(), other, a_span()]))

    scopes = [len(s.spans) for r in request.resource_spans for s in r.scope_spans]
    assert sorted(scopes) == [1, 2]


def test_otlp_batch_survives_a_lone_surrogate() -> None:
    request = ExportTraceServiceRequest.FromString(
        encode_request([a_span(attributes={"text": "a\ud800b"})])
    )

    [attribute] = request.resource_spans[0].scope_spans[0].spans[0].attributes
    assert attribute.value.string_value == "a?b"
