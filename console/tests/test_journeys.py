"""Journeys as the console shows them, on real PostgreSQL."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from contracts.billing import InvoiceIssued, PaymentReceived
from contracts.deal import DealOpened
from contracts.ids import LeadId, new_id
from contracts.journey import LEAD_GATES
from contracts.lead import LeadCaptured
from contracts.roles import readers_of
from contracts.samples import sample
from testkit.harness import JOURNEY, Harness, as_record

NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)


def a_capture() -> LeadCaptured:
    return sample(LeadCaptured).model_copy(update={"number": "L-2026-000042"})


def a_gate(fact: type[Any], **more: Any) -> Any:
    lead = a_capture()
    return fact(
        aggregate_id=lead.lead_id,
        number=lead.number,
        gate="qualification",
        owner="role:sales_rep",
        opened_at=NOW,
        due_at=NOW + timedelta(days=2),
        **more,
    )


async def test_journey_is_found_by_number_and_names_its_gate_owner(
    console_svc: Harness,
) -> None:
    await console_svc.receives(a_capture(), a_gate(LEAD_GATES.opened), times=2)
    async with console_svc.client("ops") as ops, console_svc.client() as nobody:
        by_number = (await ops.get("/journeys/L-2026-000042")).json()
        by_id = (await ops.get(f"/journeys/{JOURNEY}")).json()
        unknown = await ops.get("/journeys/L-1999-000000")
        refused = await nobody.get(f"/journeys/{JOURNEY}")

    assert by_number["journey_id"] == by_id["journey_id"] == str(JOURNEY)
    assert len(by_number["steps"]) == 2, "a repeated fact is on the timeline once"
    assert by_number["summary"].startswith(
        "Waits for sales_rep to pass 'qualification' of L-2026-000042 in lead since 2026-11-01"
    )
    assert unknown.status_code == 404
    assert refused.status_code == 401


async def test_journey_orders_events_of_one_instant_by_publication(
    console_svc: Harness,
) -> None:
    facts = [
        sample(LeadCaptured).model_copy(update={"lead_id": LeadId(new_id())}) for _ in "abcdef"
    ]
    records = [as_record(fact, journey_id=JOURNEY, at=NOW, version=1) for fact in facts]
    for record in reversed(records):
        await console_svc.receives_raw(record)
    async with console_svc.client("ops") as ops:
        steps = (await ops.get(f"/journeys/{JOURNEY}")).json()["steps"]
    assert [step["payload"]["lead_id"] for step in steps] == [str(fact.lead_id) for fact in facts]


async def test_journey_shows_no_cleared_gate(console_svc: Harness) -> None:
    passed = a_gate(LEAD_GATES.cleared, cleared_at=NOW, cleared_by="rep")
    await console_svc.receives(a_capture(), a_gate(LEAD_GATES.opened), passed)
    async with console_svc.client("ops") as ops:
        journey = (await ops.get("/journeys/L-2026-000042")).json()

    assert journey["gates"] == []
    assert journey["summary"].startswith("On its way in lead")


@pytest.mark.parametrize("role", ["sales_manager", "order_desk", "finance", "auditor"])
async def test_journey_shows_the_data_of_events_to_the_readers_of_their_stage(
    console_svc: Harness, role: str
) -> None:
    events = [LeadCaptured, DealOpened, InvoiceIssued, PaymentReceived]
    await console_svc.receives(*[sample(event) for event in events])
    async with console_svc.client(role) as client:
        journey = (await client.get(f"/journeys/{JOURNEY}")).json()

    told = {step["type"]: step["payload"] for step in journey["steps"]}
    assert {name for name, payload in told.items() if payload is not None} == {
        event.name for event in events if role in readers_of(event.name)
    }
    assert len(told) == len(events)
    for step in journey["steps"]:
        assert step["readers"] == sorted(readers_of(step["type"]))
    notes = {note["type"] for note in journey["notes"]}
    assert notes <= {name for name in told if role in readers_of(name)}


@pytest.mark.parametrize("role", ["order_desk", "finance"])
async def test_journey_that_is_a_lead_is_for_those_who_read_leads(
    console_svc: Harness, role: str
) -> None:
    await console_svc.receives(a_capture(), a_gate(LEAD_GATES.opened))
    await console_svc.tick("fold_journeys")
    found = {}
    for one in (role, "sales_manager"):
        async with console_svc.client(one) as client:
            shown = await client.get("/journeys/L-2026-000042")
            spans = await client.get("/journeys/L-2026-000042/spans")
            lists = [
                (await client.get(path)).json()
                for path in ("/journeys", "/stuck", "/search?q=L-2026-000042", "/overview")
            ]
            found[one] = shown.status_code, spans.status_code, *map(_sizes, lists)

    assert found["sales_manager"] == (200, 200, 1, 1, 1, 1)
    assert found[role] == (404, 404, 0, 0, 0, 0)


def _sizes(answer: dict[str, Any]) -> int:
    listed = answer.get("items", answer.get("hits"))
    return len(listed) if listed is not None else int(answer["journeys"])


async def test_overview_counts_for_a_seller_what_is_theirs(console_svc: Harness) -> None:
    deal = sample(DealOpened)
    others = deal.owner.model_copy(update={"sub": "other"}) if deal.owner else None
    await console_svc.receives(deal.model_copy(update={"owner": others}))
    await console_svc.tick("fold_journeys")
    async with (
        console_svc.client("sales_rep", sub="me") as me,
        console_svc.client("sales_rep", sub="other") as other,
        console_svc.client("ops") as ops,
    ):
        told = [(await one.get("/overview")).json() for one in (me, other, ops)]
        projections = [(await one.get("/projection")).json() for one in (me, ops)]

    assert [(one["journeys"], one["facts"]) for one in told] == [(0, 0), (1, 1), (1, 1)]
    assert projections[0]["journeys"] is None
    assert projections[1]["journeys"] is not None


def a_span_request() -> bytes:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add()
    service = spans.resource.attributes.add()
    service.key, service.value.string_value = "service.name", "lead-svc"
    scope = spans.scope_spans.add()
    for number, (name, parent) in enumerate(
        [("POST /leads", b""), ("create", b"\x01" * 8)], start=1
    ):
        span = scope.spans.add()
        span.trace_id, span.span_id, span.parent_span_id = b"\x0a" * 16, bytes([number]) * 8, parent
        span.name, span.start_time_unix_nano = name, number * 1_000_000
        span.end_time_unix_nano = 5_000_000
    return request.SerializeToString()


async def test_spans_are_stored_once_over_otlp_and_shown_as_a_tree(console_svc: Harness) -> None:
    headers = {"content-type": "application/x-protobuf"}
    async with console_svc.client() as service:
        plain = await service.post("/v1/traces", content=a_span_request(), headers=headers)
        zipped = await service.post(
            "/v1/traces",
            content=gzip.compress(a_span_request()),
            headers={**headers, "content-encoding": "gzip"},
        )
        nonsense = await service.post("/v1/traces", content=b"\xff\xff", headers=headers)
        bomb = await service.post(
            "/v1/traces",
            content=gzip.compress(bytes(80 * 1024 * 1024)),
            headers={**headers, "content-encoding": "gzip"},
        )

    assert (plain.status_code, zipped.status_code) == (200, 200)
    assert (nonsense.status_code, bomb.status_code) == (400, 400)
    # A journey whose fact was said in that trace is drawn with it, at the door that people use.
    await console_svc.receives(a_capture())
    await console_svc.execute("UPDATE journey_event SET trace_id = $1", "0a" * 16)
    async with console_svc.client("ops") as ops:
        drawn = (await ops.get(f"/journeys/{JOURNEY}/spans")).json()
    assert [(row["depth"], row["name"], row["service"]) for row in drawn] == [
        (0, "POST /leads", "lead-svc"),
        (1, "create", "lead-svc"),
    ]
    assert drawn[1]["start_offset_ms"] == 1.0


def of_length(tag: int, content: bytes) -> bytes:
    """A field of protobuf."""
    size, length = len(content), b""
    while size >= 0x80:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return bytes([tag]) + length + bytes([size]) + content


def spans_of(content: bytes) -> bytes:
    """A request whose one scope holds these fields."""
    return of_length(0x0A, of_length(0x12, content))


EMPTY_SPAN, EMPTY_ATTRIBUTE = b"\x12\x00", b"\x4a\x00"
REFUSED = {
    "spans": (spans_of(EMPTY_SPAN * 10_001), "10001 spans"),
    "spans beyond counting": (spans_of(EMPTY_SPAN * 600_000), "more than 500000 messages"),
    "attributes": (
        spans_of(of_length(0x12, EMPTY_ATTRIBUTE * 600_000)), "more than 500000 messages",
    ),
    "cut": (spans_of(of_length(0x12, b"\x4a\x7f" * 600_000)), "no OTLP trace request"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "told"), REFUSED.values(), ids=REFUSED)
async def test_spans_are_bounded_before_they_become_objects(
    console_svc: Harness, body: bytes, told: str
) -> None:
    headers = {"content-type": "application/x-protobuf", "content-encoding": "gzip"}
    async with console_svc.client() as service:
        answer = await service.post("/v1/traces", content=gzip.compress(body), headers=headers)

    assert answer.status_code == 400
    assert told in answer.json()["detail"]
    assert await console_svc.rows("SELECT count(*) FROM span") == [(0,)]


async def test_spans_are_deleted_after_a_week(console_svc: Harness) -> None:
    async with console_svc.client() as service:
        await service.post("/v1/traces", content=a_span_request())
    await console_svc.execute("UPDATE span SET received_at = now() - interval '8 days'")

    assert await console_svc.tick("forget_spans") == 2
    assert await console_svc.rows("SELECT count(*) FROM span") == [(0,)]
