"""Dead letters of the console: an undecodable record hides no journey, and later events go on."""

from __future__ import annotations

import pytest

from chassis import queues
from chassis.delivery import RawRecord
from chassis.parking import RETRY_AFTER_S
from chassis.testing import Harness, as_record
from console.consumers import Glimpse, consumer
from contracts.lead import LeadCaptured, LeadQualified
from contracts.samples import sample

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


async def test_skip_policy_off_parks_the_key_of_an_undecodable_record(
    console_svc: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "observes", False)
    captured, qualified = facts()
    await console_svc.receives_raw(captured, poison(7), qualified)

    assert await console_svc.rows(STEPS) == [(LeadCaptured.name,)]
    assert await console_svc.rows("SELECT status FROM parked_key") == [("dead",)]


async def test_skip_policy_accepts_an_event_whose_id_an_undecodable_record_had(
    console_svc: Harness,
) -> None:
    captured, _ = facts()
    assert captured.value
    cut = captured.value[:9]
    await console_svc.receives_raw(RawRecord(captured.topic, 0, 5, KEY, cut, captured.headers))
    await console_svc.receives_raw(captured)

    assert await console_svc.rows(STEPS) == [(LeadCaptured.name,)]
    assert await console_svc.rows(ACTS) == RULE


async def test_skip_policy_skips_an_undecodable_record_of_a_held_key(console_svc: Harness) -> None:
    captured, qualified = facts()
    async with console_svc.client("ops") as ops:
        body = {"topic": captured.topic, "key": KEY.decode(), "reason": "look first"}
        assert (await ops.post("/ops/park", json=body)).status_code == 201
        await console_svc.receives_raw(captured, poison(7, ce_type=""), qualified)
        assert [row[0] for row in await console_svc.rows(KEPT)] == ["waiting", "waiting", "skipped"]
        release = f"/ops/parked/{captured.topic}/{KEY.decode()}/release"
        assert (await ops.post(release, json={"reason": "seen"})).status_code == 200
    await console_svc.retry_parked()

    assert await console_svc.rows(STEPS) == [(LeadCaptured.name,), (LeadQualified.name,)]


async def test_skip_policy_skips_an_event_after_its_last_attempt(
    console_svc: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    captured, qualified = facts()

    async def fails(fact: Glimpse, tx: object) -> None:
        raise RuntimeError("a fault of ours")

    [subscription] = consumer.subscriptions[LeadCaptured.name]
    broken = type(subscription)(subscription.fact, fails, {})
    monkeypatch.setitem(consumer.subscriptions, LeadCaptured.name, [broken])
    await console_svc.receives_raw(captured, qualified)
    for _ in RETRY_AFTER_S:
        await console_svc.execute("UPDATE parked_key SET next_retry_at = now()")
        assert await console_svc.retries.retry_due()
    await console_svc.retry_parked()

    assert await console_svc.rows(STEPS) == [(LeadQualified.name,)]
    assert await console_svc.rows(ACTS) == [
        ("system:console", "skip", KEY.decode(), "RuntimeError")
    ]
    monkeypatch.undo()
    await console_svc.receives_raw(captured)  # `ltc replay`, once the fault is repaired
    assert await console_svc.rows(STEPS) == [(LeadCaptured.name,), (LeadQualified.name,)]
