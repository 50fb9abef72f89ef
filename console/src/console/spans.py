"""Spans over OTLP/HTTP: taken in, kept a week, drawn as a waterfall."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import BaseModel

from chassis import bulk
from chassis.tables import table_of
from chassis.transaction import Transaction
from console.storage import SpanRow

MAX_INFLATED = 8 * 1024 * 1024
MOST_SPANS = 10_000
"""Of one request. Our collector sends 4,096 at most."""
MOST_MESSAGES = 500_000
"""Spans, attributes, values and so on of one request: about 100 bytes each as objects, however few
they are as bytes."""
DEEPEST = 100
"""Messages within each other, as protobuf itself bounds them."""
UNCOUNTED = 512 * 1024
"""A request that is shorter cannot hold too many messages: each takes two bytes."""
KEEP = timedelta(days=7)


class UnreadableSpans(ValueError):
    """The body is no OTLP trace request."""


class WaterfallRow(BaseModel):
    """One span of a waterfall, indented under its parent."""

    depth: int
    name: str
    service: str
    start_offset_ms: float
    duration_ms: float
    failed: bool
    trace_id: str


def read_spans(body: bytes, *, gzipped: bool, now: datetime) -> list[dict[str, Any]]:
    """The rows of an OTLP request. Raises UnreadableSpans."""
    try:
        plain = _inflated(body) if gzipped else body
        if len(plain) > UNCOUNTED:
            _count(ExportTraceServiceRequest.DESCRIPTOR, memoryview(plain))
        request = ExportTraceServiceRequest.FromString(plain)
    except (DecodeError, zlib.error) as error:
        raise UnreadableSpans("the body is no OTLP trace request") from error
    scopes = [scope for one in request.resource_spans for scope in one.scope_spans]
    if (spans := sum(len(scope.spans) for scope in scopes)) > MOST_SPANS:
        raise UnreadableSpans(f"the request has {spans} spans; {MOST_SPANS} are taken at once")
    rows: list[dict[str, Any]] = []
    for resource_spans in request.resource_spans:
        resource = {a.key: _value(a.value) for a in resource_spans.resource.attributes}
        service = str(resource.get("service.name", ""))
        for scope in resource_spans.scope_spans:
            for span in scope.spans:
                attributes = {a.key: _value(a.value) for a in span.attributes}
                rows.append(
                    {
                        "trace_id": span.trace_id.hex(),
                        "span_id": span.span_id.hex(),
                        "parent_span_id": span.parent_span_id.hex() or None,
                        "name": span.name,
                        "kind": span.kind,
                        "service": service,
                        "started_ns": span.start_time_unix_nano,
                        "duration_ns": span.end_time_unix_nano - span.start_time_unix_nano,
                        "failed": span.status.code == 2,
                        "journey_id": attributes.get("ltc.journey_id"),
                        "attributes": orjson.dumps(attributes).decode(),
                        "received_at": now,
                    }
                )
    return rows


def _count(descriptor: Descriptor, content: memoryview, found: int = 0, depth: int = 0) -> int:
    """How many messages there are with those of a body, before any becomes an object. Raises
    UnreadableSpans when they are too many, DecodeError when the body is no protobuf."""
    if depth > DEEPEST:
        raise UnreadableSpans(f"the request is nested deeper than {DEEPEST}")
    for number, value in _messages(content):
        field = descriptor.fields_by_number.get(number)
        if field is None or field.message_type is None:
            continue
        found = _count(field.message_type, value, found + 1, depth + 1)
        if found > MOST_MESSAGES:
            raise UnreadableSpans(f"the request has more than {MOST_MESSAGES} messages")
    return found


def _messages(content: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields that have a length, each with its number. Source: the encoding of protobuf."""
    at, end = 0, len(content)
    while at < end:
        tag, at = _varint(content, at)
        match tag & 7:
            case 0:
                _, at = _varint(content, at)
            case 1:
                at += 8
            case 2:
                length, at = _varint(content, at)
                yield tag >> 3, content[at : at + length]
                at += length
            case 5:
                at += 4
            case _:
                raise DecodeError("a group, which OTLP does not have")
    if at > end:
        raise DecodeError("a field ends beyond its message")


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    """A number of up to ten bytes, and where it ends."""
    value = 0
    for n, byte in enumerate(content[at : at + 10]):
        value |= (byte & 0x7F) << 7 * n
        if byte < 0x80:
            return value, at + n + 1
    raise DecodeError("a number without an end")


def _inflated(body: bytes) -> bytes:
    """A gzipped body, within bounds: a small one may hold gigabytes."""
    inflater = zlib.decompressobj(wbits=31)
    plain = inflater.decompress(body, MAX_INFLATED)
    if inflater.unconsumed_tail:
        raise UnreadableSpans(f"the request inflates to more than {MAX_INFLATED} bytes")
    return plain


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    found = getattr(value, kind)
    return found if isinstance(found, str | int | float | bool) else str(found)


async def store_spans(rows: Sequence[dict[str, Any]], tx: Transaction) -> None:
    """Keep spans; one that came twice is kept once."""
    ordered = sorted(rows, key=lambda row: (row["trace_id"], row["span_id"]))
    await bulk.insert(
        tx.connection,
        table_of(SpanRow),
        ordered,
        on_conflict="ON CONFLICT DO NOTHING",
    )


async def forget_old_spans(tx: Transaction) -> int:
    """Drop a portion of the spans that are older than a week; how many."""
    result = await tx.connection.exec_driver_sql(
        "DELETE FROM span WHERE ctid = ANY(ARRAY("
        "SELECT ctid FROM span WHERE received_at < $1 LIMIT 5000))",
        (tx.now - KEEP,),
    )
    return result.rowcount


async def spans_of_traces(trace_ids: Sequence[str], tx: Transaction) -> list[Any]:
    rows: list[Any] = await tx.read(
        "SELECT trace_id, span_id, parent_span_id, name, service, started_ns, duration_ns, failed"
        " FROM span WHERE trace_id = ANY($1::text[]) ORDER BY started_ns LIMIT 2000",
        list(trace_ids),
    )
    return rows


def waterfall(spans: Sequence[Any]) -> list[WaterfallRow]:
    """Spans as a tree in the order of their start; one whose parent is not there is a root."""
    if not spans:
        return []
    start = min(span["started_ns"] for span in spans)
    known = {span["span_id"] for span in spans}
    children: dict[str | None, list[Any]] = defaultdict(list)
    for span in sorted(spans, key=lambda span: span["started_ns"]):
        children[span["parent_span_id"] if span["parent_span_id"] in known else None].append(span)
    rows: list[WaterfallRow] = []
    stack = [(0, span) for span in reversed(children[None])]
    while stack:
        depth, span = stack.pop()
        rows.append(
            WaterfallRow(
                depth=depth,
                name=span["name"],
                service=span["service"],
                start_offset_ms=(span["started_ns"] - start) / 1e6,
                duration_ms=span["duration_ns"] / 1e6,
                failed=span["failed"],
                trace_id=span["trace_id"],
            )
        )
        stack += [(depth + 1, child) for child in reversed(children[span["span_id"]])]
    return rows
