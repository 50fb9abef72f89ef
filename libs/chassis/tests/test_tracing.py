"""Spans of an event: created, sent, polled, processed, and the events that follow from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from chassis import tracing
from chassis.trace_context import TraceContext, from_header, new_trace_id

TOPIC, TYPE, GROUP = "ltc.thing.v1", "ltc.thing.made.v1", "other-svc"
KEY, EVENT = "thing-1", "0190a000-0000-7000-8000-000000000001"
JOURNEY = "01890000-0000-7000-8000-00000000000a"
SAMPLED = TraceContext("00-" + "a1" * 16 + "-" + "b2" * 8 + "-01")
UNSAMPLED = TraceContext("00-" + "a1" * 16 + "-" + "b2" * 8 + "-00")


NOW = datetime.now(UTC)


@dataclass
class Sent:
    """An outbox row as the relay reads it."""

    headers: str
    topic: str = TOPIC
    created_at: datetime = NOW


class Watch:
    """What a process exported."""

    def __init__(self, telemetry: tracing.Telemetry, exporter: InMemorySpanExporter) -> None:
        self._telemetry = telemetry
        self._exporter = exporter

    def spans(self, name: str = "") -> list[ReadableSpan]:
        self._telemetry.flush()
        return [s for s in self._exporter.get_finished_spans() if s.name.startswith(name)]


@contextmanager
def watching(ratio: float = 1.0, per_second: float = 0.0) -> Iterator[Watch]:
    exporter = InMemorySpanExporter()
    telemetry = tracing.setup_telemetry(
        "test-svc",
        version="1",
        instance="i-1",
        otlp_endpoint=None,
        sample_ratio=ratio,
        traces_per_second=per_second,
        exporter=exporter,
    )
    try:
        yield Watch(telemetry, exporter)
    finally:
        telemetry.shutdown()


def say(parent: TraceContext | None = None) -> TraceContext:
    return tracing.creation_context(TOPIC, TYPE, KEY, JOURNEY, parent=parent)


def handling(creation: TraceContext | None) -> AbstractContextManager[TraceContext]:
    return tracing.process_span(TOPIC, 3, 42, KEY, GROUP, TYPE, EVENT, JOURNEY, creation)


def row(context: TraceContext, created_at: datetime = NOW) -> Sent:
    text = f'{{"ce_id": "{EVENT}", "traceparent": "{context.traceparent}"}}'
    return Sent(text, created_at=created_at)


def ids(span: ReadableSpan) -> tuple[int, int]:
    context = span.get_span_context()
    assert context is not None
    return context.trace_id, context.span_id


def of(context: TraceContext) -> tuple[int, int]:
    return int(context.trace_id, 16), int(context.span_id, 16)


def linked(span: ReadableSpan) -> list[tuple[int, int]]:
    return [(k.context.trace_id, k.context.span_id) for k in span.links]


def test_tracing_follows_an_event_from_creation_to_resulting_events() -> None:
    with watching() as watch:
        creation = say()
        with tracing.send_span([row(creation)]):
            pass
        with tracing.poll_span(GROUP, [creation]) as batch, handling(creation):
            following = say()
        [created, followed] = watch.spans("create")
        [sent], [polled], [processed] = watch.spans("send"), watch.spans("poll"), watch.spans("pro")

    assert batch is not None
    assert ids(created) == of(creation)
    assert created.parent is None
    assert linked(sent) == linked(polled) == [of(creation)]
    assert sent.parent is None
    assert polled.parent is None
    assert processed.parent is not None
    assert (processed.parent.trace_id, processed.parent.span_id) == of(creation)
    assert linked(processed) == [of(creation), of(batch)]
    assert followed.parent is not None
    assert followed.parent.span_id == ids(processed)[1]
    assert ids(followed) == of(following)
    assert following.trace_id == creation.trace_id
    assert [s.kind for s in (created, sent, polled, processed)] == [
        SpanKind.PRODUCER,
        SpanKind.CLIENT,
        SpanKind.CLIENT,
        SpanKind.CONSUMER,
    ]


def test_tracing_separate_trace_links_to_the_span_that_created_it() -> None:
    with watching() as watch:
        with handling(say()) as around:
            alone = tracing.creation_context(TOPIC, TYPE, KEY, JOURNEY, apart=True)
        [created] = [s for s in watch.spans("create") if ids(s) == of(alone)]

    assert alone.trace_id != around.trace_id
    assert created.parent is None
    assert linked(created) == [of(around)]


def test_tracing_separate_traces_of_one_request_are_sampled_by_ratio() -> None:
    with watching(per_second=2.0) as watch:
        with handling(SAMPLED):
            said = [
                tracing.creation_context(TOPIC, TYPE, KEY, str(n), apart=True) for n in range(50)
            ]
        created = watch.spans("create")

    assert 0 < len(created) <= 3
    assert sum(context.sampled for context in said) == len(created)
    assert len({context.trace_id for context in said}) == 50


def test_tracing_ids_follow_the_seconds_and_are_random_where_samplers_read() -> None:
    begun = int(NOW.timestamp())
    made = [new_trace_id() for _ in range(1000)]

    assert all(begun <= trace_id >> 96 <= begun + 3600 for trace_id in made)
    assert len({trace_id & 0xFFFFFFFFFFFFFFFF for trace_id in made}) == 1000
    with watching(ratio=0.5) as watch:
        created = [tracing.creation_context(TOPIC, TYPE, KEY, str(n)) for n in range(200)]
        recorded = watch.spans("create")

    seconds = [int(context.trace_id[:8], 16) for context in created]
    assert all(begun <= second <= begun + 3600 for second in seconds)
    assert 60 < len(recorded) < 140


def test_tracing_spans_follow_the_semantic_conventions() -> None:
    with watching() as watch:
        creation = say()
        with handling(creation):
            pass
        [created, processed] = watch.spans()

    shared = {
        "messaging.system": "kafka",
        "messaging.destination.name": TOPIC,
        "messaging.kafka.message.key": KEY,
        "messaging.message.conversation_id": JOURNEY,
        "ltc.journey_id": JOURNEY,
        "ltc.event_type": TYPE,
    }
    assert created.name == f"create {TOPIC}"
    assert dict(created.attributes or {}) == shared | {
        "messaging.operation.name": "create",
        "messaging.operation.type": "create",
    }
    assert processed.name == f"process {TOPIC}"
    assert dict(processed.attributes or {}) == shared | {
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.partition.id": "3",
        "messaging.kafka.offset": 42,
        "messaging.consumer.group.name": GROUP,
        "messaging.message.id": EVENT,
    }
    assert created.resource.attributes["service.name"] == "test-svc"
    assert created.resource.attributes["service.instance.id"] == "i-1"


def test_tracing_unsampled_trace_makes_no_spans_and_is_propagated() -> None:
    with watching() as watch:
        with tracing.send_span([row(UNSAMPLED)]), tracing.poll_span(GROUP, [UNSAMPLED]):
            pass
        with handling(UNSAMPLED):
            following = say()
            assert tracing.current_trace_id() == UNSAMPLED.trace_id
        assert watch.spans() == []

    assert following == UNSAMPLED
    assert tracing.current_trace_id() is None


def test_tracing_without_an_exporter_makes_no_spans_and_propagates_the_decision() -> None:
    telemetry = tracing.setup_telemetry("test-svc", version="1", instance="i", otlp_endpoint=None)
    try:
        assert say(SAMPLED) is SAMPLED
        begun = say()
        with handling(SAMPLED):
            assert say() is SAMPLED
    finally:
        telemetry.shutdown()

    assert not begun.sampled
    assert from_header(begun.traceparent) == begun


def test_tracing_is_off_with_otel_sdk_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with watching() as watch:
        say()
        say(SAMPLED)
        assert watch.spans() == []


def test_tracing_batch_of_250_makes_three_spans_with_at_most_100_links() -> None:
    with watching() as watch:
        creations = [say() for _ in range(250)]
        with tracing.send_span([row(c) for c in creations]):
            pass
        with tracing.poll_span(GROUP, creations):
            pass
        sent, polled = watch.spans("send"), watch.spans("poll")

    for spans in (sent, polled):
        assert [len(s.links) for s in spans] == [100, 100, 50]
        assert [k for s in spans for k in linked(s)] == [of(c) for c in creations]
        assert len({ids(s)[0] for s in spans}) == 1
        assert all((s.attributes or {})["messaging.batch.message_count"] == 250 for s in spans)


def test_tracing_batch_span_links_only_sampled_messages() -> None:
    with watching() as watch:
        with tracing.poll_span(GROUP, [UNSAMPLED, SAMPLED, None]):
            pass
        [polled] = watch.spans("poll")

    assert linked(polled) == [of(SAMPLED)]


def test_tracing_relay_span_has_the_wait_of_its_oldest_event() -> None:
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    with watching() as watch:
        with tracing.send_span([row(SAMPLED), row(SAMPLED, created_at=hour_ago)]):
            pass
        [sent] = watch.spans("send")

    dwell = (sent.attributes or {})["ltc.outbox.dwell_ms"]
    assert isinstance(dwell, float)
    assert dwell >= 3_600_000


def test_tracing_explicit_parent_wins_over_the_current_span() -> None:
    other = TraceContext("00-" + "c3" * 16 + "-" + "d4" * 8 + "-01")
    with watching(), handling(SAMPLED):
        assert say(other).trace_id == other.trace_id
        assert say(UNSAMPLED) is UNSAMPLED
        assert say().trace_id == SAMPLED.trace_id


def test_tracing_marks_failures_as_errors_and_refusals_not() -> None:
    with watching() as watch:
        with pytest.raises(LookupError), handling(SAMPLED):
            raise LookupError("no\nsuch thing")
        with handling(SAMPLED):
            tracing.record_exception(LookupError("returned, not raised"))
        with handling(SAMPLED):
            tracing.record_refusal(ValueError("too late"))
        raised, returned, refused = watch.spans("process")

    for failed in (raised, returned):
        assert failed.status.status_code is StatusCode.ERROR
        assert (failed.attributes or {})["error.type"] == "LookupError"
    assert (raised.events[0].attributes or {})["exception.message"] == "no such thing"
    assert refused.status.status_code is StatusCode.UNSET
    assert (refused.attributes or {})["ltc.refusal"] == "ValueError"


def test_tracing_ratio_applies_to_new_traces_only() -> None:
    with watching(ratio=0.25) as watch:
        begun = [say() for _ in range(2_000)]
        kept = len(watch.spans("create"))
        assert say(SAMPLED).sampled

    assert kept == sum(c.sampled for c in begun)
    assert 350 < kept < 650


def test_tracing_records_new_traces_up_to_a_rate_limit() -> None:
    with watching(per_second=5) as watch:
        begun = [say() for _ in range(500)]
        assert len(watch.spans("create")) == sum(c.sampled for c in begun)

    assert 5 <= sum(c.sampled for c in begun) < 50


@pytest.mark.parametrize(
    "header",
    [
        "",
        "garbage",
        "ff-" + "a1" * 16 + "-" + "b2" * 8 + "-01",
        "00-" + "00" * 16 + "-" + "b2" * 8 + "-01",
        "00-" + "a1" * 16 + "-" + "00" * 8 + "-01",
        "00-" + "A1" * 16 + "-" + "b2" * 8 + "-01",
        "00-" + "g1" * 16 + "-" + "b2" * 8 + "-01",
        "00-" + "g1" * 16 + "-" + "b2" * 8 + "-00",
    ],
)
def test_traceparent_malformed_begins_a_new_trace(header: str) -> None:
    assert from_header(header) is None
    with watching() as watch:
        with handling(TraceContext(header)) as context:
            assert context.traceparent != header
            assert from_header(context.traceparent) == context
        assert len(watch.spans("process")) == 1


def test_traceparent_of_a_later_version_is_accepted() -> None:
    later = "cc" + SAMPLED.traceparent[2:] + "-more"

    assert from_header(later) == SAMPLED


def test_tracestate_is_propagated() -> None:
    with watching(), handling(TraceContext(SAMPLED.traceparent, "vendor=1")):
        assert say().tracestate == "vendor=1"
