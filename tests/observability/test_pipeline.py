"""The production pipeline on a real collector: tail sampling, and an outage of a backend."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from testkit.polling import eventually
from tests.observability.backend import Backend, a_backend
from tests.observability.collector import Collector

FAST_MS, SLOW_MS = 50, 1_500
CHANCE = Random(9)


def a_trace(*, lasting_ms: int = FAST_MS, failed: bool = False, event_type: str = "") -> Span:
    """A trace of one span."""
    end = time.time_ns()
    return Span(
        trace_id=CHANCE.randbytes(16),
        span_id=CHANCE.randbytes(8),
        name="process ltc.deal.v1",
        start_time_unix_nano=end - lasting_ms * 1_000_000,
        end_time_unix_nano=end,
        status=Status(code=Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_UNSET),
        attributes=[KeyValue(key="ltc.event_type", value=AnyValue(string_value=event_type))],
    )


def send(collector: Collector, spans: list[Span]) -> None:
    name = KeyValue(key="service.name", value=AnyValue(string_value="deal-svc"))
    group = ResourceSpans(scope_spans=[ScopeSpans(spans=spans)])
    group.resource.attributes.append(name)
    body = ExportTraceServiceRequest(resource_spans=[group]).SerializeToString()
    answer = httpx.post(
        f"http://127.0.0.1:{collector.port}/v1/traces",
        content=body,
        headers={"Content-Type": "application/x-protobuf"},
    )
    assert answer.status_code == 200, answer.text


@pytest.fixture
def console() -> Iterator[Backend]:
    with a_backend() as backend:
        yield backend


@pytest.fixture
def tracing() -> Iterator[Backend]:
    with a_backend() as backend:
        yield backend


@pytest.fixture
def collector(tmp_path: Path, console: Backend, tracing: Backend) -> Iterator[Collector]:
    collector = Collector(
        tmp_path,
        "collector-production.yaml",
        BACKEND_ENDPOINT=tracing.url,
        CONSOLE_ENDPOINT=console.url,
        COLLECTOR_DECISION_WAIT="1s",
    )
    collector.start()
    try:
        yield collector
    finally:
        collector.stop()


def ids(spans: list[Span]) -> set[str]:
    return {span.span_id.hex() for span in spans}


def test_collector_keeps_slow_failed_and_overdue_traces_and_samples_the_rest(
    collector: Collector, console: Backend, tracing: Backend
) -> None:
    rest = [a_trace() for _ in range(1_000)]
    wanted = [
        *(a_trace(lasting_ms=SLOW_MS) for _ in range(5)),
        *(a_trace(failed=True) for _ in range(5)),
        *(a_trace(event_type="ltc.quote.gate_overdue.v1") for _ in range(5)),
    ]
    send(collector, rest + wanted)

    def kept() -> set[str]:
        return {span.span_id for span in tracing.spans()}

    eventually(kept, lambda found: ids(wanted) <= found, what="all wanted traces")
    of_the_rest = len(kept() & ids(rest))
    assert 50 <= of_the_rest <= 170, f"{of_the_rest} of 1,000 where about 100 were to be kept"
    eventually(
        lambda: {span.span_id for span in console.spans()},
        lambda found: found == ids(rest + wanted),
        what="every span at the console",
    )


def test_collector_keeps_refused_spans_across_a_restart(
    collector: Collector, console: Backend, tracing: Backend
) -> None:
    spans = [a_trace(failed=True) for _ in range(50)]
    tracing.refusing = console.refusing = True
    send(collector, spans)
    assert collector.accepted() == 50
    # The decision and the batch lie behind: each backend's share is held in a queue on disk.
    eventually(collector.queued, lambda queued: queued >= 2, what="a batch for each backend waits")
    collector.stop()
    assert console.spans() == tracing.spans() == []

    collector.start()
    tracing.refusing = console.refusing = False
    for backend in (tracing, console):
        eventually(
            lambda held=backend: {span.span_id for span in held.spans()},
            lambda found: found == ids(spans),
            what="what was held arrives",
        )
