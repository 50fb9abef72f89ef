"""The ops API for replay from the event log: what it refuses.

That a consumer gets what it lost is tested with two services and Kafka, in
``tests/integration/test_ops_replay.py``.
"""

from __future__ import annotations

from uuid import UUID, uuid4

from box_service import announced

from chassis.relay_round import MOVE_TO_LOG
from testkit.harness import JOURNEY, Harness


async def test_ops_replay_refuses_events_older_than_the_inbox(box_svc: Harness) -> None:
    old = UUID("01890000-0000-7000-8000-00000000000a")
    await box_svc.receives(announced())
    sent = [row[0] for row in await box_svc.rows("SELECT seq FROM outbox")]
    await box_svc.execute(MOVE_TO_LOG, sent)
    await box_svc.execute("UPDATE event_log SET id = $1 WHERE aggregate_version = 1", old)
    async with box_svc.client("ops") as ops:
        of_journey = {"reason": "x", "journey_id": str(JOURNEY)}
        refused = await ops.post("/ops/replay", json=of_journey)
        unknown = await ops.post("/ops/replay", json={"reason": "x", "event_id": str(uuid4())})
        nothing = await ops.post("/ops/replay", json={"reason": "x"})

    assert (refused.status_code, refused.json()["type"]) == (409, "urn:ltc:problem:forgotten")
    assert unknown.status_code == 404
    assert nothing.status_code == 422
