"""Spans and metrics of HTTP requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from chassis import tracing
from chassis.metrics import Metrics

TRACE, CALLER = "a1" * 16, "b2" * 8


def an_app() -> FastAPI:
    app = FastAPI()
    app.state.metrics = Metrics("test-svc", instance="i")
    app.add_middleware(tracing.HttpTelemetry)

    @app.post("/things/{thing}")
    async def make(thing: str) -> dict[str, str | None]:
        if thing == "broken":
            raise RuntimeError("out of order")
        if thing == "busy":
            raise HTTPException(503)
        said = tracing.creation_context("ltc.thing.v1", "ltc.thing.made.v1", thing, "j")
        return {"trace": tracing.current_trace_id(), "said": said.traceparent}

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        return {}

    return app


@contextmanager
def watching(ratio: float = 1.0) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    telemetry = tracing.setup_telemetry(
        "s", version="1", instance="i", otlp_endpoint=None, sample_ratio=ratio, exporter=exporter
    )
    try:
        yield exporter
    finally:
        telemetry.shutdown()


def a_client(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def test_tracing_request_is_a_server_span_with_its_events_as_children() -> None:
    with watching() as exporter:
        async with a_client(an_app()) as client:
            answer = (await client.post("/things/7?token=secret")).json()

    created, served = exporter.get_finished_spans()
    assert served.name == "POST /things/{thing}"
    assert served.kind is SpanKind.SERVER
    assert dict(served.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/things/{thing}",
        "http.response.status_code": 200,
        "url.path": "/things/7",
        "url.scheme": "http",
    }
    assert served.context is not None
    assert created.parent is not None
    assert created.parent.span_id == served.context.span_id
    assert answer["trace"] == f"{served.context.trace_id:032x}"
    assert answer["said"].endswith("-01")


async def test_tracing_request_continues_an_incoming_trace() -> None:
    with watching() as exporter:
        async with a_client(an_app()) as client:
            header = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
            answer = (await client.post("/things/7", headers=header)).json()

    _, served = exporter.get_finished_spans()
    assert served.parent is not None
    assert f"{served.parent.span_id:016x}" == CALLER
    assert answer["trace"] == TRACE


async def test_tracing_request_of_an_unsampled_trace_makes_no_span_and_keeps_the_id() -> None:
    with watching() as exporter:
        async with a_client(an_app()) as client:
            header = {"traceparent": f"00-{TRACE}-{CALLER}-00"}
            answer = (await client.post("/things/7", headers=header)).json()

    assert exporter.get_finished_spans() == ()
    assert answer == {"trace": TRACE, "said": header["traceparent"]}


async def test_tracing_request_has_a_trace_id_without_sampling() -> None:
    with watching(ratio=0.0) as exporter:
        async with a_client(an_app()) as client:
            answer = (await client.post("/things/7", headers={"traceparent": "garbage"})).json()

    assert exporter.get_finished_spans() == ()
    assert len(answer["trace"]) == 32
    assert answer["said"][3:35] == answer["trace"]


@pytest.mark.parametrize(("thing", "error"), [("broken", "RuntimeError"), ("busy", "503")])
async def test_tracing_request_with_a_server_error_marks_the_span(thing: str, error: str) -> None:
    with watching() as exporter:
        async with a_client(an_app()) as client:
            await client.post(f"/things/{thing}")

    [served] = exporter.get_finished_spans()
    assert served.status.status_code is StatusCode.ERROR
    assert (served.attributes or {})["error.type"] == error


async def test_tracing_times_requests_by_route_except_health_checks() -> None:
    app = an_app()
    async with a_client(app) as client:
        for n in range(3):
            await client.post(f"/things/{n}")
        await client.get("/health/live")
        await client.get("/nowhere/4711")
    text = app.state.metrics.render().decode()

    [line] = [
        x for x in text.splitlines() if "request_duration_seconds_count{" in x and "POST" in x
    ]
    assert 'http_route="/things/{thing}"' in line
    assert line.endswith(" 3.0")
    assert "4711" not in text
    assert "health" not in text
