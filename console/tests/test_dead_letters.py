"""Dead letters of the console: an undecodable record hides no journey, and later events go on."""

from __future__ import annotations

from chassis import queues
from chassis.delivery import RawRecord
from contracts.lead import LeadCaptured, LeadQualified
from contracts.samples import sample
from testkit.harness import Harness, as_record

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
