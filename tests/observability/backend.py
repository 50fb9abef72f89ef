"""A tracing backend: takes OTLP/HTTP as Jaeger does, and remembers every span as it came."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Seen:
    """One span: who made it, what it is, and where it hangs."""

    resource: dict[str, str]
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    links: tuple[str, ...]
    """Span ids."""
    attributes: dict[str, str]

    @property
    def service(self) -> str:
        return self.resource["service.name"]

    @property
    def journey(self) -> str | None:
        return self.attributes.get("ltc.journey_id")

    @property
    def event_type(self) -> str:
        return self.attributes.get("ltc.event_type", "")


class Backend:
    """What arrived at ``url``. While ``refusing`` it answers 503."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.refusing = False
        self._spans: list[Seen] = []
        self._lock = threading.Lock()

    def spans(self) -> list[Seen]:
        with self._lock:
            return list(self._spans)

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        seen = [
            Seen(
                _attributes(group.resource.attributes),
                span.name,
                span.trace_id.hex(),
                span.span_id.hex(),
                span.parent_span_id.hex(),
                tuple(link.span_id.hex() for link in span.links),
                _attributes(span.attributes),
            )
            for group in request.resource_spans
            for scope in group.scope_spans
            for span in scope.spans
        ]
        with self._lock:
            self._spans += seen


def _attributes(pairs: Any) -> dict[str, str]:
    return {pair.key: str(getattr(pair.value, pair.value.WhichOneof("value"))) for pair in pairs}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        backend = cast("_Server", self.server).backend
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not backend.refusing:
            gzipped = self.headers.get("Content-Encoding") == "gzip"
            backend.take(gzip.decompress(body) if gzipped else body)
        self.send_response(503 if backend.refusing else 200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a test asks the backend, not its log."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    backend: Backend


@contextmanager
def a_backend() -> Iterator[Backend]:
    """Listening on a free port of 127.0.0.1."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.backend = Backend(server.server_port)
    thread = threading.Thread(target=server.serve_forever, name="backend")
    thread.start()
    try:
        yield server.backend
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
