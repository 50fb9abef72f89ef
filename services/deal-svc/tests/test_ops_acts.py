"""What on-call does to messages that wait: retry, hold, edit by two, and what it led to."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import orjson
from deal_builders import DEAL, NOW, a_lead_qualified

from chassis.delivery import RawRecord
from chassis.ops.edit import REPLACED
from chassis.testing import JOURNEY, Harness, as_record
from contracts.ids import DealId, QuoteId
from contracts.money import Money
from contracts.quote import QuoteSent
from contracts.terms import Totals

QUOTE = QuoteId(UUID(int=77))
NOBODYS = DealId(UUID(int=404))
LANE = f"/ops/parked/{QuoteSent.topic}/{QUOTE}"


def a_quote_sent(version: int = 1, deal: DealId = DEAL) -> QuoteSent:
    hundred = Money(100_00, "CNY")
    return QuoteSent(
        quote_id=QUOTE,
        number="Q-1",
        deal_id=deal,
        version=version,
        totals=Totals(net=hundred, tax=Money.zero("CNY"), gross=hundred),
        valid_until=NOW,
        sent_by="rep",
        sent_at=NOW,
    )


async def a_quote_of_nobodys_deal(deal_svc: Harness) -> RawRecord:
    """A message that no retry helps, and one behind it."""
    wrong = as_record(a_quote_sent(1, NOBODYS))
    await deal_svc.receives(a_lead_qualified())
    await deal_svc.receives_raw(wrong, as_record(a_quote_sent(2), version=2))
    return wrong


async def propose(ops: httpx.AsyncClient, deal: DealId = DEAL, **changes: Any) -> httpx.Response:
    payload = orjson.loads(a_quote_sent(1, deal).model_dump_json()) | changes
    return await ops.post(f"{LANE}/edit", json={"payload": payload, "reason": "wrong deal"})


async def outcomes(ops: httpx.AsyncClient, action: str) -> list[str | None]:
    acts = (await ops.get("/ops/audit", params={"journey_id": str(JOURNEY)})).json()["items"]
    return [act["outcome"] for act in acts if act["action"] == action]


async def test_an_edit_that_a_second_person_approves_takes_the_place_of_the_message(
    deal_svc: Harness,
) -> None:
    wrong = await a_quote_of_nobodys_deal(deal_svc)
    async with deal_svc.client("ops", sub="a") as one, deal_svc.client("ops", sub="b") as two:
        proposed = await propose(one)
        assert proposed.status_code == 201, proposed.text
        edit = proposed.json()
        assert edit["diff"] == [
            {"op": "replace", "path": "/deal_id", "before": str(NOBODYS), "after": str(DEAL)}
        ]
        approve = f"/ops/edits/{edit['id']}/approve"
        alone = await one.post(approve, json={"reason": "sure"})
        assert (alone.status_code, alone.json()["type"]) == (
            403,
            "urn:ltc:problem:second-person-needed",
        )
        approved = await two.post(approve, json={"reason": "seen the quote"})
        assert approved.status_code == 200, approved.text
        assert (await two.post(approve, json={"reason": "again"})).status_code == 409
        assert await outcomes(one, "edit") == ["pending"]

        await deal_svc.retry_parked()

        assert await outcomes(one, "edit") == ["resolved"]
    new_id = UUID(approved.json()["new_event_id"])
    old_id = UUID(edit["event_id"])
    assert await deal_svc.rows("SELECT count(*) FROM parked_key") == [(0,)]
    kept = await deal_svc.rows("SELECT event_id, state, raw FROM parked_message")
    assert [(row[0], row[1], bytes(row[2])) for row in kept] == [(old_id, "edited", wrong.value)]
    known = {row[0] for row in await deal_svc.rows("SELECT event_id FROM inbox")}
    assert {old_id, new_id} <= known
    assert len(known) == 4

    await deal_svc.receives_raw(wrong)

    assert await deal_svc.rows("SELECT count(*) FROM parked_key") == [(0,)], "it came again"


async def test_an_edited_message_keeps_its_journey_and_number_and_its_place(
    deal_svc: Harness,
) -> None:
    await a_quote_of_nobodys_deal(deal_svc)
    async with deal_svc.client("ops", sub="a") as one, deal_svc.client("ops", sub="b") as two:
        edit = (await propose(one, DealId(UUID(int=405)))).json()
        await two.post(f"/ops/edits/{edit['id']}/approve", json={"reason": "yes"})
        head, behind = (await one.get(LANE)).json()

    headers = dict(head["headers"])
    assert headers["ce_id"] == head["event_id"] != edit["event_id"]
    assert headers[REPLACED] == edit["event_id"]
    assert headers["ce_correlationid"] == str(JOURNEY)
    assert int(headers["ce_sequence"]) == 1
    assert orjson.loads(head["payload"])["version"] == 1
    assert orjson.loads(behind["payload"])["version"] == 2


async def test_what_cannot_be_edited_so_says_why(deal_svc: Harness) -> None:
    await a_quote_of_nobodys_deal(deal_svc)
    async with (
        deal_svc.client("ops", sub="a") as one,
        deal_svc.client("ops", sub="b") as two,
        deal_svc.client("auditor", sub="c") as auditor,
    ):
        assert (await propose(auditor)).status_code == 403
        not_so = await propose(one, version="many")
        assert not_so.status_code == 422
        assert not_so.json()["errors"][0]["pointer"] == "/payload/version"
        other = await propose(one, quote_id=str(UUID(int=78)))
        assert other.json()["errors"][0]["pointer"] == "/payload/quote_id"
        assert (await propose(one, NOBODYS)).json()["type"] == "urn:ltc:problem:no-change"
        odd = (await propose(one, discount="1")).json()
        assert odd["problems"] == ["/discount is no field of ltc.quote.sent.v1"]

        edit = (await propose(one)).json()
        assert (await one.post(f"{LANE}/skip", json={"reason": "no"})).status_code == 200
        stale = await two.post(f"/ops/edits/{edit['id']}/approve", json={"reason": "yes"})
        assert (stale.status_code, stale.json()["type"]) == (409, "urn:ltc:problem:head-moved-on")
        rejected = await two.post(f"/ops/edits/{edit['id']}/reject", json={"reason": "late"})
        assert rejected.json()["status"] == "rejected"
        listed = (await one.get("/ops/edits", params={"status": "rejected"})).json()
        assert [e["id"] for e in listed] == [edit["id"]]


async def test_a_held_key_waits_whatever_comes_until_it_is_released(deal_svc: Harness) -> None:
    await deal_svc.receives(a_lead_qualified())
    hold = {"topic": QuoteSent.topic, "key": str(QUOTE), "reason": "the quote is disputed"}
    async with deal_svc.client("ops") as ops:
        assert (await ops.post("/ops/park", json=hold)).status_code == 201
        assert (await ops.post("/ops/park", json=hold)).status_code == 409
        assert (await ops.post("/ops/park", json={**hold, "topic": "x"})).status_code == 404
        await deal_svc.receives(a_quote_sent(1))
        await deal_svc.receives(a_quote_sent(2))
        await deal_svc.retry_parked()
        [shown] = (await ops.get("/ops/parked")).json()
        assert (shown["status"], shown["messages"]) == ("held", 2)
        refused = await ops.post(f"{LANE}/retry", json={"reason": "now"})
        assert refused.json()["type"] == "urn:ltc:problem:held"
        assert (await ops.post(f"{LANE}/skip", json={"reason": "not this"})).status_code == 200
        assert await deal_svc.rows("SELECT status FROM parked_key") == [("held",)]

        released = await ops.post(f"{LANE}/release", json={"reason": "settled"})
        assert released.json() == {"status": "retrying"}
        await deal_svc.retry_parked()
        assert await deal_svc.rows("SELECT count(*) FROM parked_key") == [(0,)]
        assert (await ops.post(f"{LANE}/release", json={"reason": "x"})).status_code == 409
        assert await outcomes(ops, "release") == ["resolved"]
        assert await outcomes(ops, "skip") == ["resolved"]


async def test_a_key_that_is_held_and_fails_meanwhile_stays_held(deal_svc: Harness) -> None:
    """A batch that was under way when it was held: its failure parks the key another time."""
    await deal_svc.receives(a_quote_sent(1, NOBODYS))
    hold = {"topic": QuoteSent.topic, "key": str(QUOTE), "reason": "wait"}
    async with deal_svc.client("ops") as ops:
        assert (await ops.post("/ops/park", json=hold)).status_code == 201
    delivery = deal_svc.processor.decode([as_record(a_quote_sent(1, NOBODYS))])[0]

    await deal_svc.processor._park_alone(delivery, RuntimeError("late"))

    assert await deal_svc.rows("SELECT status FROM parked_key") == [("held",)]


async def test_a_retry_counts_as_resolved_only_once_the_message_was_handled(
    deal_svc: Harness,
) -> None:
    await deal_svc.receives(a_quote_sent())
    async with deal_svc.client("ops", sub="a", name="Ada") as ops:
        await ops.post(f"{LANE}/retry", json={"reason": "try"})
        assert await outcomes(ops, "retry") == ["pending"]
        await deal_svc.retry_parked()
        assert await outcomes(ops, "retry") == ["failed_again"]
        await deal_svc.receives(a_lead_qualified())
        await deal_svc.retry_parked()
        [act] = (await ops.get("/ops/audit")).json()["items"]

    assert act["outcome"] == "resolved"
    assert (act["actor_sub"], act["actor_name"], act["reason"]) == ("a", "Ada", "try")
    assert act["journey_id"] == str(JOURNEY)
    assert act["before"]["error_class"] == "DependencyMissing"


async def test_acts_are_paged_and_never_changed(deal_svc: Harness) -> None:
    await a_quote_of_nobodys_deal(deal_svc)
    async with deal_svc.client("ops") as ops:
        for n in range(3):
            await ops.post(f"{LANE}/retry", json={"reason": str(n)})
        first = (await ops.get("/ops/audit", params={"limit": 2})).json()
        rest = (await ops.get("/ops/audit", params={"limit": 2, "after": first["next"]})).json()

    assert [a["reason"] for a in [*first["items"], *rest["items"]]] == ["2", "1", "0"]
    assert rest["next"] is None
