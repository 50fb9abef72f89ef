"""The ops API on one parked key: retry, hold, edit with approval, and the outcome of each."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
from box_service import BOX, LABEL, LabelPrinted, announced, printed

from chassis.delivery import RawRecord
from chassis.ops.edit import REPLACED
from chassis.ops.edits import judge
from chassis.problems import Problem
from contracts.deal import DealOpened
from contracts.samples import sample
from testkit.harness import JOURNEY, Harness, as_record

MISSING = UUID(int=404)
PARKED = f"/ops/parked/{LabelPrinted.topic}/{LABEL}"


async def a_label_of_a_missing_box(box_svc: Harness) -> RawRecord:
    """Park a message that no retry can handle, and one behind it."""
    wrong = as_record(printed(1, MISSING))
    await box_svc.receives(announced())
    await box_svc.receives_raw(wrong, as_record(printed(2), version=2))
    return wrong


async def propose(ops: httpx.AsyncClient, box: UUID = BOX, **changes: Any) -> httpx.Response:
    payload = orjson.loads(printed(1, box).model_dump_json()) | changes
    return await ops.post(f"{PARKED}/edit", json={"payload": payload, "reason": "wrong box"})


async def outcomes(ops: httpx.AsyncClient, action: str) -> list[str | None]:
    acts = (await ops.get("/ops/audit", params={"journey_id": str(JOURNEY)})).json()["items"]
    return [act["outcome"] for act in acts if act["action"] == action]


async def test_ops_edit_replaces_the_message_after_a_second_person_approves(
    box_svc: Harness,
) -> None:
    wrong = await a_label_of_a_missing_box(box_svc)
    async with box_svc.client("ops", sub="a") as one, box_svc.client("ops", sub="b") as two:
        proposed = await propose(one)
        assert proposed.status_code == 201, proposed.text
        edit = proposed.json()
        assert edit["diff"] == [
            {"op": "replace", "path": "/box_id", "before": str(MISSING), "after": str(BOX)}
        ]
        approve = f"/ops/edits/{edit['id']}/approve"
        alone = await one.post(approve, json={"reason": "sure"})
        assert (alone.status_code, alone.json()["type"]) == (
            403,
            "urn:ltc:problem:second-person-needed",
        )
        approved = await two.post(approve, json={"reason": "seen the label"})
        assert approved.status_code == 200, approved.text
        assert (await two.post(approve, json={"reason": "again"})).status_code == 409
        assert await outcomes(one, "edit") == ["pending"]

        await box_svc.retry_parked()

        assert await outcomes(one, "edit") == ["resolved"]
    new_id = UUID(approved.json()["new_event_id"])
    old_id = UUID(edit["event_id"])
    assert await box_svc.rows("SELECT count(*) FROM parked_key") == [(0,)]
    kept = await box_svc.rows("SELECT event_id, state, raw FROM parked_message")
    assert [(row[0], row[1], bytes(row[2])) for row in kept] == [(old_id, "edited", wrong.value)]
    known = {row[0] for row in await box_svc.rows("SELECT event_id FROM inbox")}
    assert {old_id, new_id} <= known
    assert len(known) == 4

    await box_svc.receives_raw(wrong)

    assert await box_svc.rows("SELECT count(*) FROM parked_key") == [(0,)], "redelivered"


async def test_ops_edit_keeps_journey_sequence_and_position_of_the_message(
    box_svc: Harness,
) -> None:
    await a_label_of_a_missing_box(box_svc)
    async with box_svc.client("ops", sub="a") as one, box_svc.client("ops", sub="b") as two:
        edit = (await propose(one, UUID(int=405))).json()
        await two.post(f"/ops/edits/{edit['id']}/approve", json={"reason": "yes"})
        head, behind = (await one.get(PARKED)).json()

    headers = dict(head["headers"])
    assert headers["ce_id"] == head["event_id"] != edit["event_id"]
    assert headers[REPLACED] == edit["event_id"]
    assert headers["ce_correlationid"] == str(JOURNEY)
    assert int(headers["ce_sequence"]) == 1
    assert orjson.loads(head["payload"])["version"] == 1
    assert orjson.loads(behind["payload"])["version"] == 2


async def test_ops_edit_names_the_reason_of_each_refusal(box_svc: Harness) -> None:
    await a_label_of_a_missing_box(box_svc)
    async with (
        box_svc.client("ops", sub="a") as one,
        box_svc.client("ops", sub="b") as two,
        box_svc.client("auditor", sub="c") as auditor,
    ):
        assert (await propose(auditor)).status_code == 403
        not_so = await propose(one, version="many")
        assert not_so.status_code == 422
        assert not_so.json()["errors"][0]["pointer"] == "/payload/version"
        other = await propose(one, label_id=str(UUID(int=78)))
        assert other.json()["errors"][0]["pointer"] == "/payload/label_id"
        assert (await propose(one, MISSING)).json()["type"] == "urn:ltc:problem:no-change"
        odd = (await propose(one, discount="1")).json()
        assert odd["problems"] == ["/discount is no field of ltc.label.printed.v1"]

        edit = (await propose(one)).json()
        assert (await one.post(f"{PARKED}/skip", json={"reason": "no"})).status_code == 200
        stale = await two.post(f"/ops/edits/{edit['id']}/approve", json={"reason": "yes"})
        assert (stale.status_code, stale.json()["type"]) == (409, "urn:ltc:problem:head-moved-on")
        rejected = await two.post(f"/ops/edits/{edit['id']}/reject", json={"reason": "late"})
        assert rejected.json()["status"] == "rejected"
        listed = (await one.get("/ops/edits", params={"status": "rejected"})).json()
        assert [e["id"] for e in listed] == [edit["id"]]


@pytest.mark.parametrize("digits", [20261127, 1_732_960_000, "20261127", 46353.5])
def test_ops_edit_refuses_digits_for_an_instant(digits: Any) -> None:
    fact = sample(DealOpened)
    payload = orjson.loads(fact.model_dump_json())
    assert judge(DealOpened, orjson.dumps(payload), str(fact.deal_id)) == []
    with pytest.raises(Problem) as refused:
        judge(DealOpened, orjson.dumps(payload | {"opened_at": digits}), str(fact.deal_id))

    assert [error.pointer for error in refused.value.errors] == ["/payload/opened_at"]


async def test_ops_hold_keeps_every_message_of_the_key_until_release(box_svc: Harness) -> None:
    await box_svc.receives(announced())
    hold = {"topic": LabelPrinted.topic, "key": str(LABEL), "reason": "the label is disputed"}
    async with box_svc.client("ops") as ops:
        assert (await ops.post("/ops/park", json=hold)).status_code == 201
        assert (await ops.post("/ops/park", json=hold)).status_code == 409
        assert (await ops.post("/ops/park", json={**hold, "topic": "x"})).status_code == 404
        await box_svc.receives(printed(1))
        await box_svc.receives(printed(2))
        await box_svc.retry_parked()
        [shown] = (await ops.get("/ops/parked")).json()
        assert (shown["status"], shown["messages"]) == ("held", 2)
        refused = await ops.post(f"{PARKED}/retry", json={"reason": "now"})
        assert refused.json()["type"] == "urn:ltc:problem:held"
        assert (await ops.post(f"{PARKED}/skip", json={"reason": "not this"})).status_code == 200
        assert await box_svc.rows("SELECT status FROM parked_key") == [("held",)]

        released = await ops.post(f"{PARKED}/release", json={"reason": "settled"})
        assert released.json() == {"status": "retrying"}
        await box_svc.retry_parked()
        assert await box_svc.rows("SELECT count(*) FROM parked_key") == [(0,)]
        assert (await ops.post(f"{PARKED}/release", json={"reason": "x"})).status_code == 409
        assert await outcomes(ops, "release") == ["resolved"]
        assert await outcomes(ops, "skip") == ["resolved"]


async def test_ops_hold_stays_when_a_batch_in_progress_fails(box_svc: Harness) -> None:
    """The batch began before the hold; its failure parks the key once more."""
    await box_svc.receives(printed(1, MISSING))
    hold = {"topic": LabelPrinted.topic, "key": str(LABEL), "reason": "wait"}
    async with box_svc.client("ops") as ops:
        assert (await ops.post("/ops/park", json=hold)).status_code == 201
    delivery = box_svc.processor.decode([as_record(printed(1, MISSING))])[0]

    await box_svc.processor._park_alone(delivery, RuntimeError("late"))

    assert await box_svc.rows("SELECT status FROM parked_key") == [("held",)]


async def test_ops_retry_is_resolved_only_when_the_message_is_handled(
    box_svc: Harness,
) -> None:
    await box_svc.receives(printed())
    async with box_svc.client("ops", sub="a", name="Ada") as ops:
        await ops.post(f"{PARKED}/retry", json={"reason": "try"})
        assert await outcomes(ops, "retry") == ["pending"]
        await box_svc.retry_parked()
        assert await outcomes(ops, "retry") == ["failed_again"]
        await box_svc.receives(announced())
        await box_svc.retry_parked()
        [act] = (await ops.get("/ops/audit")).json()["items"]

    assert act["outcome"] == "resolved"
    assert (act["actor_sub"], act["actor_name"], act["reason"]) == ("a", "Ada", "try")
    assert act["journey_id"] == str(JOURNEY)
    assert act["before"]["error_class"] == "DependencyMissing"


async def test_ops_audit_pages_list_every_action_newest_first(box_svc: Harness) -> None:
    await a_label_of_a_missing_box(box_svc)
    async with box_svc.client("ops") as ops:
        for n in range(3):
            await ops.post(f"{PARKED}/retry", json={"reason": str(n)})
        first = (await ops.get("/ops/audit", params={"limit": 2})).json()
        rest = (await ops.get("/ops/audit", params={"limit": 2, "after": first["next"]})).json()

    assert [a["reason"] for a in [*first["items"], *rest["items"]]] == ["2", "1", "0"]
    assert rest["next"] is None
