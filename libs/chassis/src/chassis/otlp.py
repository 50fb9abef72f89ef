"""OTLP/HTTP export with the protobuf written by hand: a span in 5 to 10 µs instead of 26.

Only how bytes are made differs from the library's exporter; addresses, headers, certificates,
retries and time-outs are its own. `tests/test_tracing_otlp.py` holds both encodings side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from struct import pack

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind

_KINDS = {
    SpanKind.INTERNAL: 1,
    SpanKind.SERVER: 2,
    SpanKind.CLIENT: 3,
    SpanKind.PRODUCER: 4,
    SpanKind.CONSUMER: 5,
}
_HAS_IS_REMOTE, _IS_REMOTE = 0x100, 0x200
_REPEATED = frozenset(
    {
        "messaging.system",
        "messaging.operation.name",
        "messaging.operation.type",
        "messaging.destination.name",
        "messaging.destination.partition.id",
        "messaging.consumer.group.name",
        "ltc.event_type",
        "http.request.method",
        "http.route",
        "url.scheme",
    }
)
"""Attributes with few different values: their bytes are kept."""


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_LENGTHS = [_varint(n) for n in range(4096)]


def _length(number: int) -> bytes:
    return _LENGTHS[number] if number < 4096 else _varint(number)


def _text(tag: bytes, value: str) -> bytes:
    raw = value.encode("utf-8", "replace")
    return tag + _length(len(raw)) + raw


def _message(tag: bytes, body: bytes) -> bytes:
    return tag + _length(len(body)) + body


def _any_value(value: object) -> bytes:
    """An AnyValue's fields. What is neither text nor number is told as text."""
    if isinstance(value, str):
        return _text(b"\x0a", value)
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        return b"\x18" + _varint(value & 0xFFFFFFFFFFFFFFFF)
    if isinstance(value, float):
        return b"\x21" + pack("<d", value)
    if isinstance(value, bytes):
        return _message(b"\x3a", value)
    if isinstance(value, Sequence):
        return _message(b"\x2a", b"".join(_message(b"\x0a", _any_value(v)) for v in value))
    return _text(b"\x0a", str(value))


def _attribute(tag: bytes, key: str, value: object) -> bytes:
    body = _text(b"\x0a", key) + _message(b"\x12", _any_value(value))
    return _message(tag, body)


@lru_cache(2048)
def _repeated(key: str, value: str) -> bytes:
    return _attribute(b"\x4a", key, value)


@lru_cache(256)
def _key(key: str) -> bytes:
    return _text(b"\x0a", key)


def _span_attribute(key: str, value: object) -> bytes:
    if type(value) is not str:
        return _attribute(b"\x4a", key, value)
    if key in _REPEATED:
        return _repeated(key, value)
    raw = value.encode("utf-8", "replace")
    inner = b"\x0a" + _length(len(raw)) + raw
    body = b"".join((_key(key), b"\x12", _length(len(inner)), inner))
    return b"\x4a" + _length(len(body)) + body


def _attributes(tag: bytes, attributes: Mapping[str, object] | None) -> bytes:
    return b"".join(_attribute(tag, k, v) for k, v in (attributes or {}).items() if v is not None)


def _flags(remote: SpanContext | None) -> int:
    return _HAS_IS_REMOTE | (_IS_REMOTE if remote is not None and remote.is_remote else 0)


def _link(link: Link) -> bytes:
    context = link.context
    body = (
        b"\x0a\x10"
        + context.trace_id.to_bytes(16, "big")
        + b"\x12\x08"
        + context.span_id.to_bytes(8, "big")
    )
    if context.trace_state:
        body += _text(b"\x1a", context.trace_state.to_header())
    if link.attributes:
        body += _attributes(b"\x22", link.attributes)
    return _message(b"\x6a", body + b"\x35" + pack("<I", _flags(context)))


def _trouble(span: ReadableSpan) -> list[bytes]:
    """Events and status, which most spans have none of."""
    parts = [
        _message(
            b"\x5a",
            b"\x09"
            + pack("<Q", event.timestamp)
            + _text(b"\x12", event.name)
            + _attributes(b"\x1a", event.attributes),
        )
        for event in span.events
    ]
    status = span.status
    code = status.status_code.value
    if code:
        told = _text(b"\x12", status.description) if status.description else b""
        parts.append(_message(b"\x7a", told + b"\x18" + _varint(code)))
    return parts


def encode_span(span: ReadableSpan) -> bytes:
    """One span as the fields of OTLP's ``Span`` message."""
    context, parent = span.context, span.parent
    if context is None:
        raise ValueError(f"the span {span.name!r} has no context")
    parts = [
        b"\x0a\x10",
        context.trace_id.to_bytes(16, "big"),
        b"\x12\x08",
        context.span_id.to_bytes(8, "big"),
        _text(b"\x2a", span.name),
        b"\x30",
        _varint(_KINDS[span.kind]),
        b"\x39",
        pack("<Q", span.start_time or 0),
        b"\x41",
        pack("<Q", span.end_time or 0),
        b"\x85\x01",
        pack("<I", _flags(parent)),
    ]
    if parent is not None:
        parts += (b"\x22\x08", parent.span_id.to_bytes(8, "big"))
    if context.trace_state:
        parts.append(_text(b"\x1a", context.trace_state.to_header()))
    for key, value in (span.attributes or {}).items():
        parts.append(_span_attribute(key, value))
    parts += map(_link, span.links)
    if span.events or not span.status.is_unset:
        parts += _trouble(span)
    return b"".join(parts)


def _scope(scope: InstrumentationScope | None) -> bytes:
    if scope is None:
        return b""
    version = _text(b"\x12", scope.version) if scope.version else b""
    return _message(b"\x0a", _text(b"\x0a", scope.name) + version)


def encode_request(spans: Sequence[ReadableSpan]) -> bytes:
    """An ``ExportTraceServiceRequest``; spans are grouped by who made them."""
    groups: dict[tuple[int, int], tuple[Resource, InstrumentationScope | None, list[bytes]]] = {}
    for span in spans:
        resource, scope = span.resource, span.instrumentation_scope
        group = groups.setdefault((id(resource), id(scope)), (resource, scope, []))
        group[2].append(_message(b"\x12", encode_span(span)))
    request = []
    for resource, scope, encoded in groups.values():
        about = _message(b"\x0a", _attributes(b"\x0a", resource.attributes))
        scope_spans = _message(b"\x12", _scope(scope) + b"".join(encoded))
        request.append(_message(b"\x0a", about + scope_spans))
    return b"".join(request)


class SpanSender(OTLPSpanExporter):
    """The library's OTLP/HTTP exporter, with our encoding."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self._shutdown:
            return SpanExportResult.FAILURE
        with self._metrics.export_operation(len(spans)) as told:
            sent = self._client.export(encode_request(spans))
            if not sent.success:
                told.error = sent.error or ConnectionError(f"answered {sent.status_code}")
        return SpanExportResult.SUCCESS if sent.success else SpanExportResult.FAILURE
