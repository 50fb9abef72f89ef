"""States on real PostgreSQL: the merge of events, and the Kafka offsets that a state claims."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
from hub_builders import a_capture, a_record

from contracts.billing import JourneySettled
from contracts.contract import ContractSigned
from contracts.ids import LeadId, new_id
from contracts.journey import LEAD_GATES
from contracts.lead import LeadAssigned, LeadCaptured, LeadQualified
from contracts.samples import sample
from hub import folding
from hub.personal import without_personal
from testkit.harness import Harness


def about(lead: UUID, fact: type[Any]) -> Any:
    known = sample(fact)
    return known.model_copy(update={known.key: LeadId(lead)})


async def said(hub_svc: Harness) -> list[tuple[str, int, int, dict[str, Any]]]:
    """States in the outbox: aggregate, sequence, claimed position, data; taken out as if Kafka had
    acknowledged them."""
    rows = await hub_svc.rows(
        "SELECT key, aggregate_version, headers->>'ltc_position', payload FROM outbox ORDER BY seq"
    )
    await hub_svc.execute("DELETE FROM outbox")
    return [(row[0], row[1], int(row[2]), orjson.loads(row[3])) for row in rows]


async def fold(hub_svc: Harness) -> list[tuple[str, int, int, dict[str, Any]]]:
    while await hub_svc.tick("fold_states"):
        pass
    return await said(hub_svc)


async def test_state_merges_events_in_order_of_sequence(hub_svc: Harness) -> None:
    lead = new_id()
    facts = [about(lead, fact) for fact in (LeadCaptured, LeadAssigned, LeadQualified)]
    for number, fact in enumerate(facts, start=1):
        await hub_svc.receives_raw(a_record(fact, number, version=number))
    await fold(hub_svc)
    late = about(lead, LeadAssigned).model_copy(update={"assigned_by": "too late"})
    await hub_svc.receives_raw(a_record(late, 4, version=2))
    await fold(hub_svc)
    async with hub_svc.client("subscriber") as bi:
        page = (await bi.get("/states", params={"stage": "lead"})).json()
        none = (await bi.get("/states", params={"stage": "deal"})).json()
        after = (await bi.get("/events", params={"after": page["feed"]})).json()

    merged: dict[str, Any] = {}
    for fact in facts:
        merged |= without_personal(fact.name, orjson.loads(fact.model_dump_json()))
    [state] = page["states"]
    assert state["data"] == merged
    assert (state["type"], state["subject"]) == ("ltc.lead.state.v1", str(lead))
    assert int(state["sequence"]) == 3
    assert none["states"] == after["events"] == []


async def test_state_is_kept_per_stage_and_subject(hub_svc: Harness) -> None:
    """Billing counts its facts of a contract from 1, beside those of contract-svc."""
    contract = new_id()
    signed, settled = about(contract, ContractSigned), about(contract, JourneySettled)
    await hub_svc.receives_raw(a_record(signed, 1, version=4), a_record(settled, 1, version=1))
    states = await fold(hub_svc)

    assert sorted((key, sequence) for key, sequence, _, _ in states) == [
        (str(contract), 1),
        (str(contract), 4),
    ]
    async with hub_svc.client("subscriber") as bi:
        for stage, fact, sequence in (("contract", signed, 4), ("billing", settled, 1)):
            [state] = (await bi.get("/states", params={"stage": stage})).json()["states"]
            assert int(state["sequence"]) == sequence
            told = orjson.loads(fact.model_dump_json())
            assert state["data"] == without_personal(fact.name, told)


async def test_state_sequence_counts_gate_events_without_changing_the_data(
    hub_svc: Harness,
) -> None:
    lead = new_id()
    assigned, gate = about(lead, LeadAssigned), about(lead, LEAD_GATES.opened)
    await hub_svc.receives_raw(a_record(assigned, 1, version=1), a_record(gate, 2, version=2))
    [(_, sequence, _, data)] = await fold(hub_svc)
    assert sequence == 2
    assert data["owner"] == orjson.loads(assigned.model_dump_json())["owner"], "not the gate's"
    assert "gate" not in data


async def test_states_come_in_pages_with_a_cursor_for_later_events(
    hub_svc: Harness,
) -> None:
    captures = [a_capture(n) for n in range(5)]
    await hub_svc.receives_raw(*(a_record(c, n) for n, c in enumerate(captures)))
    await fold(hub_svc)
    new = a_capture(9)
    await hub_svc.receives_raw(a_record(new, 9))
    async with hub_svc.client("subscriber") as bi:
        pages, after = [], None
        while not pages or after is not None:
            asked = {"stage": "lead", "limit": 2} | ({"after": after} if after else {})
            pages.append((await bi.get("/states", params=asked)).json())
            after = pages[-1]["next"]
        behind = (await bi.get("/events", params={"after": pages[0]["feed"]})).json()["events"]
        strange = await bi.get("/states", params={"stage": "leads"})
    subjects = [state["subject"] for page in pages for state in page["states"]]
    assert subjects == sorted(str(c.lead_id) for c in captures)
    assert [event["subject"] for event in behind] == [str(new.lead_id)]
    assert strange.status_code == 422


async def test_state_claims_only_offsets_acknowledged_by_kafka(hub_svc: Harness) -> None:
    first, second = a_capture(1), a_capture(2)
    await hub_svc.receives_raw(a_record(first, 10))
    await hub_svc.tick("fold_states")
    await hub_svc.receives_raw(a_record(second, 20))
    await hub_svc.tick("fold_states")
    told = await said(hub_svc)
    assert [(key, claimed) for key, _, claimed, _ in told] == [(str(first.lead_id), -1)]

    told = await fold(hub_svc)
    assert [(key, claimed) for key, _, claimed, _ in told] == [(str(second.lead_id), 10)]
    assert await fold(hub_svc) == [], "what was said is not said again"


async def test_state_claims_no_offset_within_a_backlog(hub_svc: Harness, monkeypatch: Any) -> None:
    """A batch is not handled in the order of its offsets, so a part of it proves nothing about
    the offsets below its greatest."""
    monkeypatch.setattr(folding, "AT_ONCE", 2)
    captures = [a_capture(n) for n in range(3)]
    await hub_svc.receives_raw(
        *(a_record(c, offset) for c, offset in zip(captures, (12, 10, 11), strict=True))
    )
    assert await hub_svc.tick("fold_states") == 2
    assert await said(hub_svc) == []
    assert await hub_svc.tick("fold_states") == 0
    one = await said(hub_svc)
    other = await fold(hub_svc)
    assert [claimed for *_, claimed, _ in [*one, *other]] == [-1, -1, -1], "cut: no claim yet"
    await hub_svc.receives_raw(a_record(a_capture(4), 13))
    [(*_, claimed, _)] = await fold(hub_svc)
    assert claimed == 12


async def test_states_are_merged_by_one_instance_at_a_time(hub_svc: Harness) -> None:
    await hub_svc.receives_raw(a_record(a_capture()))
    async with hub_svc.transaction() as other:
        assert (await other.scalar_row(folding.TURN))[0]
        assert await hub_svc.tick("fold_states") == 0
        assert await said(hub_svc) == []
    assert len(await fold(hub_svc)) == 1
