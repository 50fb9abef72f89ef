"""Spans over OTLP/HTTP: taken in, kept a week, drawn as a waterfall."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import BaseModel

from chassis import bulk
from chassis.tables import table_of
from chassis.transaction import Transaction
from console.storage import SpanRow

MAX_INFLATED = 64 * 1024 * 1024
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
        request = ExportTraceServiceRequest.FromString(_inflated(body) if gzipped else body)
    except (DecodeError, zlib.error) as error:
        raise UnreadableSpans("the body is no OTLP trace request") from error
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
