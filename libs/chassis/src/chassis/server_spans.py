"""One SERVER span and one duration per request, as pure ASGI."""

from __future__ import annotations

from asyncio import CancelledError
from time import perf_counter
from typing import Protocol

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.util.types import AttributeValue
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.recording import RecordedSpan, Recorder
from chassis.telemetry import here, recorder
from chassis.trace_context import TraceContext, from_header, unsampled_root

UNTRACED = ("/health", "/metrics", "/v1/traces")
"""Paths that only machines ask for, again and again."""
PATH_LENGTH = 200
CLIENT_GONE = 499
"""What is told of a request whose caller did not wait for the answer."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestDurations(Protocol):
    """Where durations go: the ``metrics`` in the application's state."""

    def request(self, method: str, route: str, status: int, seconds: float) -> None: ...


class HttpTelemetry:
    """Traces and times every request; an incoming traceparent is honoured.

    A request in a trace that nobody records makes no span, but what it causes carries its ids.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(UNTRACED):
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        place = _enter(scope, method)
        span = place if isinstance(place, RecordedSpan) else None
        within = trace.set_span_in_context(span, Context()) if span is not None else Context()
        attached = otel_context.attach(within)
        token = here.set(place)
        status = 500
        started = perf_counter()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except CancelledError:
            status = CLIENT_GONE
            raise
        except Exception as error:
            if span is not None:
                span.fail(error)
            raise
        finally:
            here.reset(token)
            otel_context.detach(attached)
            route = _route(scope)
            if span is not None:
                _finish(span, method, route, status)
            metrics: RequestDurations | None = getattr(
                getattr(scope.get("app"), "state", None), "metrics", None
            )
            waited = scope.get("state", {}).get("chose_to_wait")
            if metrics is not None and not waited:  # how long somebody waits is no latency of ours
                metrics.request(method, route, status, perf_counter() - started)


def _enter(scope: Scope, method: str) -> RecordedSpan | TraceContext:
    """Where the request is in a trace: its span, or the context it carries."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    incoming: TraceContext | None = None
    if b"traceparent" in headers:
        state = headers.get(b"tracestate", b"").decode("latin-1")
        incoming = from_header(headers[b"traceparent"].decode("latin-1"), state or None)
    making = recorder()
    if incoming is not None and (making is None or not incoming.sampled):
        return incoming
    if making is None:
        return unsampled_root()
    return _begin(making, scope, method, incoming)


def _begin(
    making: Recorder, scope: Scope, method: str, incoming: TraceContext | None
) -> RecordedSpan | TraceContext:
    above = incoming.span_context() if incoming is not None else None
    trace_id = making.new_trace() if above is None else 0
    if above is None and not trace_id:
        return unsampled_root()
    attributes: dict[str, AttributeValue] = {
        "http.request.method": method,
        "url.path": scope["path"][:PATH_LENGTH],
        "url.scheme": scope.get("scheme", "http"),
    }
    if above is not None:
        return making.child(method, SpanKind.SERVER, above, attributes)
    return making.root(method, SpanKind.SERVER, attributes, trace_id=trace_id)


def _route(scope: Scope) -> str:
    """The route's template, ``/things/{id}``; empty when none matched."""
    return getattr(scope.get("route"), "path", "")


def _finish(span: RecordedSpan, method: str, route: str, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if route:
        span.update_name(f"{method} {route}")
        span.set_attribute("http.route", route)
    if status >= 500 and span.status.is_unset:
        span.set_attribute("error.type", str(status))
        span.set_status(Status(StatusCode.ERROR))
    span.end()
