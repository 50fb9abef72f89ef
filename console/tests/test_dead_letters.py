"""Dead letters of the console: an undecodable record hides no journey, and later events go on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from chassis import queues
from chassis.delivery import RawRecord
from contracts.ids import LeadId, new_id
from contracts.journey import LEAD_GATES
from contracts.lead import LeadCaptured, LeadQualified
from contracts.samples import sample
from testkit.harness import JOURNEY, Harness, as_record

LEAD = sample(LeadCaptured)
KEY = str(LEAD.lead_id).encode()
STEPS = "SELECT type FROM journey_event ORDER BY sequence"
KEPT = "SELECT state, raw FROM parked_message ORDER BY id"
ACTS = "SELECT actor_sub, action, object_id, before->>'error_class' FROM audit"
RULE = [("system:console", "skip", KEY.decode(), "Undecodable")]


def poison(offset: int, value: bytes | None = b"{half a value", **headers: str) -> RawRecord:
    named = [(name, text.encode()) for name, text in headers.items()]
    return RawRecord(LeadCaptured.topic, 0, offset, KEY, value, named)


def facts() -> tuple[RawRecord, RawRecord]:
    qualified = sample(LeadQualified).model_copy(update={"lead_id": LEAD.lead_id})
    return as_record(LEAD, version=1, offset=6), as_record(qualified, version=2, offset=8)


async def test_console_files_events_behind_an_undecodable_record(console_svc: Harness) -> None:
    captured, qualified = facts()
    await console_svc.receives_raw(captured, poison(7), qualified)
    await console_svc.receives_raw(poison(7))  # again, after a rebalance

    assert await console_svc.rows(STEPS) == [(LeadCaptured.name,), (LeadQualified.name,)]
    assert await console_svc.rows("SELECT 1 FROM parked_key") == []
    assert await console_svc.rows(KEPT) == [("skipped", b"{half a value")]
    assert await console_svc.rows(ACTS) == RULE
    await queues.report(console_svc.database, console_svc.app.state.metrics)
    told = console_svc.app.state.metrics.render().decode()
    assert "ltc_set_aside 1.0" in told, "for the alert DeadLetters"
    assert "ltc_dead_letters 0.0" in told, "nobody has to decide anything here"


@pytest.mark.parametrize("value", [b"NaN", b"1e400", rb'"\u0000"', b"9" * 300])
async def test_console_folds_past_what_no_reader_takes(console_svc: Harness, value: bytes) -> None:
    captured, qualified = facts()
    odd = captured.value[:-1] + b',"unknown":' + value + b"}"
    await console_svc.receives_raw(replace(qualified, value=odd, offset=7), captured)

    assert await console_svc.tick("fold_journeys") == 1
    assert await console_svc.rows("SELECT stage FROM journey") == [("lead",)]
    assert await console_svc.rows("SELECT state FROM parked_message") == [("skipped",)]


@pytest.mark.parametrize("odd", [{"opened_at": "soon"}, {"gate": ["x"]}, {"due_at": []}])
async def test_console_folds_a_journey_without_a_fact_that_does_not_fit(
    console_svc: Harness, odd: dict[str, Any]
) -> None:
    captured, _ = facts()
    await console_svc.receives_raw(captured, a_gate(**odd))

    assert await console_svc.tick("fold_journeys") == 1
    assert await console_svc.rows("SELECT stage, due_at FROM journey") == [("lead", None)]
    assert await console_svc.rows("SELECT timer FROM timer_failure") == [("fold_journeys",)]
    async with console_svc.client("ops") as ops:
        assert (await ops.get("/journeys")).status_code == 200
        assert (await ops.get(f"/journeys/{LEAD.lead_id}")).status_code == 200


async def test_console_folds_the_journeys_beside_one_that_cannot_be_stored(
    console_svc: Harness,
) -> None:
    captured, _ = facts()
    await console_svc.receives_raw(captured, a_gate(owner=5))
    beside = sample(LeadCaptured).model_copy(update={"lead_id": LeadId(new_id())})
    journey = new_id()
    await console_svc.receives_raw(as_record(beside, journey_id=journey, offset=9))

    assert await console_svc.tick("fold_journeys") == 2
    assert await console_svc.rows("SELECT journey_id FROM journey") == [(journey,)]
    [(failing,)] = await console_svc.rows("SELECT row_id FROM timer_failure")
    assert failing == JOURNEY


def a_gate(**odd: Any) -> RawRecord:
    """A gate of the lead, opened, with some fields as no service writes them."""
    opened = LEAD_GATES.opened(
        aggregate_id=LEAD.lead_id,
        number="L-1",
        gate="qualification",
        owner="role:sales_rep",
        opened_at=datetime.now(UTC),
        due_at=datetime.now(UTC),
    )
    record = as_record(opened, version=2, offset=7)
    return replace(record, value=orjson.dumps({**orjson.loads(record.value or b""), **odd}))
