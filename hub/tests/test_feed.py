"""The feed on real PostgreSQL: one order for all readers, filters, and expired cursors."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from hook_hub import waits_or_ends
from hub_builders import a_capture, a_record, number_of

from contracts.billing import InvoicePaid
from contracts.deal import DealWon
from contracts.ids import new_id
from contracts.money import Money
from contracts.samples import sample
from testkit.harness import Harness


async def read(client: Any, **asked: Any) -> dict[str, Any]:
    answer = await client.get("/events", params=asked)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def test_feed_returns_cloud_events_in_order_of_arrival(
    hub_svc: Harness,
) -> None:
    captures = [a_capture(n) for n in range(5)]
    for capture in captures:
        await hub_svc.receives_raw(a_record(capture))
    async with hub_svc.client("subscriber") as erp:
        first = await read(erp, limit=2)
        second = await read(erp, after=first["next"], limit=2)
        third = await read(erp, after=second["next"], limit=2)
        after_all = await read(erp, after=third["next"])

    events = [*first["events"], *second["events"], *third["events"]]
    assert [number_of(event) for event in events] == [c.number for c in captures]
    assert [first["more"], second["more"], third["more"]] == [True, True, False]
    assert after_all == {"events": [], "next": third["next"], "more": False}
    [event] = first["events"][:1]
    assert event["specversion"] == "1.0"
    assert event["type"] == "ltc.lead.captured.v1"
    assert event["dataschema"] == "/schemas/ltc.lead.captured/v1"
    assert event["subject"] == str(captures[0].lead_id)
    assert int(event["sequence"]) == 1


async def test_feed_keeps_an_amount_of_zero(hub_svc: Harness) -> None:
    zero = Money.zero("CNY")
    free = sample(InvoicePaid).model_copy(update={"gross": zero})
    await hub_svc.receives_raw(a_record(free))

    assert await hub_svc.rows("SELECT amount_minor, currency FROM feed") == [(0, "CNY")]


async def test_feed_contains_a_redelivered_event_once(hub_svc: Harness) -> None:
    record = a_record(a_capture())
    await hub_svc.receives_raw(record)
    await hub_svc.receives_raw(record, record)
    async with hub_svc.client("subscriber") as erp:
        assert len((await read(erp))["events"]) == 1


async def test_feed_filters_by_type_stage_subject_and_journey(hub_svc: Harness) -> None:
    capture, journey = a_capture(), new_id()
    await hub_svc.receives_raw(
        a_record(capture), a_record(sample(DealWon), journey_id=journey), a_record(a_capture())
    )
    async with hub_svc.client("subscriber") as erp:
        asked: list[dict[str, Any]] = [
            {"type": "ltc.deal.won.v1"},
            {"type": "deal.won"},
            {"type": ["deal.*", "lead.lost.*", "*"][:1]},
            {"stage": "deal"},
            {"journey": str(journey)},
            {"subject": str(capture.lead_id)},
            {"stage": ["deal", "lead"]},
            {"stage": "billing"},
        ]
        found = [len((await read(erp, **question))["events"]) for question in asked]
        strange = await erp.get("/events", params={"type": "deal.wonn"})
        no_stage = await erp.get("/events", params={"stage": "deals"})
    assert found == [1, 1, 1, 1, 1, 1, 3, 0]
    assert strange.status_code == no_stage.status_code == 422
    assert "deal.wonn" in strange.text
    assert "deals" in no_stage.text


async def test_feed_after_latest_returns_only_new_events(hub_svc: Harness) -> None:
    await hub_svc.receives_raw(a_record(a_capture(1)))
    async with hub_svc.client("subscriber") as erp:
        now = await read(erp, after="latest")
        await hub_svc.receives_raw(a_record(a_capture(2)))
        then = await read(erp, after=now["next"])
    assert now["events"] == []
    assert [number_of(event) for event in then["events"]] == ["L-2026-000002"]


async def test_feed_from_an_instant_returns_events_since_then(hub_svc: Harness) -> None:
    await hub_svc.receives_raw(a_record(a_capture(1)))
    instant = datetime.now(UTC)
    await hub_svc.receives_raw(a_record(a_capture(2)))
    async with hub_svc.client("subscriber") as erp:
        since = await read(erp, **{"from": instant.isoformat()})
        never = await read(erp, **{"from": (instant + timedelta(days=1)).isoformat()})
        both = await erp.get("/events", params={"from": instant.isoformat(), "after": "latest"})
    assert [number_of(event) for event in since["events"]] == ["L-2026-000002"]
    assert never["events"] == []
    assert both.status_code == 422


async def _two_writers(hub_svc: Harness) -> list[str]:
    """What a reader sees who reads while a second writer commits before the first."""
    seen: list[str] = []
    insert = (
        "INSERT INTO feed (seen_at, event_id, type, stage, subject, sequence, journey_id, said_at,"
        " partition, kafka_offset, envelope, data) VALUES (now(), gen_random_uuid(),"
        " 'ltc.lead.captured.v1', 'lead', gen_random_uuid(), 1, gen_random_uuid(), now(), 0, 0,"
        " '{\"id\":1}', $1)"
    )
    async with hub_svc.client("subscriber") as erp:

        async def look(after: str) -> str:
            page = await read(erp, after=after)
            seen.extend(number_of(event) for event in page["events"])
            return str(page["next"])

        start = await look("latest")
        async with hub_svc.database.engine.connect() as first:
            await first.exec_driver_sql(insert, ('{"number": "slow"}',))

            async def write_second() -> None:
                await hub_svc.execute(insert, '{"number": "quick"}')

            second = asyncio.create_task(write_second())
            await waits_or_ends(hub_svc, second)
            between = await look(start)
            await first.commit()
        await second
        await look(between)
    return seen


async def test_feed_shows_no_position_before_a_lower_one(hub_svc: Harness) -> None:
    assert await _two_writers(hub_svc) == ["slow", "quick"]


async def test_feed_without_its_ordering_trigger_lets_a_reader_miss_an_event(
    hub_svc: Harness,
) -> None:
    await hub_svc.execute("ALTER TABLE feed DISABLE TRIGGER feed_in_turn")
    try:
        assert await _two_writers(hub_svc) == ["quick"], "the control: it shows what can be missed"
    finally:
        await hub_svc.execute("ALTER TABLE feed ENABLE TRIGGER feed_in_turn")


async def test_feed_answers_410_with_advice_to_an_expired_cursor(hub_svc: Harness) -> None:
    await hub_svc.receives_raw(a_record(a_capture(1)), a_record(a_capture(2)))
    async with hub_svc.client("subscriber") as erp:
        early = (await read(erp, limit=1))["next"]
        await hub_svc.execute(
            "CREATE TABLE feed_20260101 PARTITION OF feed"
            " FOR VALUES FROM ('2026-01-01 00:00+00') TO ('2026-01-02 00:00+00')"
        )
        await hub_svc.execute("UPDATE feed SET seen_at = '2026-01-01 12:00+00'")
        await hub_svc.receives_raw(a_record(a_capture(3)))
        await hub_svc.tick("keep_feed")

        gone = await erp.get("/events", params={"after": early})
        way_out = await read(erp, after=gone.json()["oldest"])
        from_the_oldest = await read(erp)
    assert gone.status_code == 410
    assert gone.json()["type"] == "urn:ltc:problem:cursor-expired"
    assert "/states" in gone.json()["detail"]
    assert [number_of(event) for event in way_out["events"]] == ["L-2026-000003"]
    assert from_the_oldest == way_out


async def test_feed_refuses_an_invalid_cursor(hub_svc: Harness) -> None:
    async with hub_svc.client("subscriber") as erp:
        for text in ("", "nonsense", "MS4x", "é", "MS4xLjE" * 50):
            answer = await erp.get("/events", params={"after": text})
            assert answer.status_code == 400, text
            assert answer.json()["type"] == "urn:ltc:problem:bad-cursor"


async def test_feed_refuses_callers_without_the_subscriber_role(hub_svc: Harness) -> None:
    async with hub_svc.client("sales_rep") as rep, hub_svc.client() as nobody:
        assert (await rep.get("/events")).status_code == 403
        assert (await nobody.get("/events")).status_code == 401
