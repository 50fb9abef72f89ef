"""Dead letters: an undecodable record leaves no gap in the feed but its own."""

from __future__ import annotations

from hub_builders import a_capture, a_record

from chassis.delivery import RawRecord
from testkit.harness import Harness


async def test_hub_feeds_events_behind_an_undecodable_record(hub_svc: Harness) -> None:
    lead = a_capture()
    key = str(lead.lead_id).encode()
    await hub_svc.receives_raw(RawRecord(lead.topic, 0, 1, key, b"{half a value", []))
    await hub_svc.receives_raw(a_record(lead, offset=2))

    assert await hub_svc.rows("SELECT subject FROM feed") == [(lead.lead_id,)]
    assert await hub_svc.rows("SELECT 1 FROM parked_key") == []
    kept = await hub_svc.rows("SELECT state, raw, error IS NOT NULL FROM parked_message")
    assert kept == [("skipped", b"{half a value", True)]
    assert await hub_svc.rows("SELECT actor_sub, action FROM audit") == [("system:hub", "skip")]
