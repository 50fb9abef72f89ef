"""Dead letters: an undecodable record leaves no gap in the feed but its own."""

from __future__ import annotations

from dataclasses import replace

import pytest
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


@pytest.mark.parametrize("value", [b"NaN", b"1e400", rb'"\u0000"', b"9" * 300])
async def test_hub_feeds_and_folds_past_what_no_reader_takes(
    hub_svc: Harness, value: bytes
) -> None:
    lead = a_capture()
    good = a_record(lead, offset=2)
    odd = (good.value or b"")[:-1] + b',"unknown":' + value + b"}"
    await hub_svc.receives_raw(replace(a_record(lead, offset=1, version=2), value=odd), good)

    assert await hub_svc.rows("SELECT kafka_offset FROM feed") == [(2,)]
    await hub_svc.tick("fold_states")
    assert await hub_svc.rows("SELECT sequence FROM snapshot") == [(1,)]


async def test_hub_folds_past_data_that_an_earlier_version_kept(hub_svc: Harness) -> None:
    first, second = a_capture(), a_capture()
    await hub_svc.receives_raw(a_record(first, offset=1), a_record(second, offset=2))
    await hub_svc.execute("UPDATE feed SET data = '{\"a\":NaN}' WHERE kafka_offset = 1")

    await hub_svc.tick("fold_states")
    assert await hub_svc.rows("SELECT aggregate_id FROM snapshot") == [(second.lead_id,)]
    [(timer,)] = await hub_svc.rows("SELECT timer FROM timer_failure")
    assert timer == "fold_states"
