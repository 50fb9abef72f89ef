"""The API of leads: roles, states, and the events of each command."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from answers import all_pages, is_problem
from lead_builders import a_form

from contracts.journey import LEAD_GATES
from contracts.lead import LeadAssigned, LeadMerged, LeadQualified
from testkit.harness import Harness

OWNER = {"owner": {"sub": "u-1", "name": "Rep"}}
NOBODY = "00000000-0000-0000-0000-00000000dead"


async def captured(client: httpx.AsyncClient, email: str = "ada@acme.test", **more: Any) -> str:
    answer = await client.post("/leads", json=a_form(email, **more))
    return str(answer.json()["lead_id"])


async def assigned(client: httpx.AsyncClient, email: str = "ada@acme.test") -> str:
    lead_id = await captured(client, email)
    tag = (await client.get(f"/leads/{lead_id}")).headers["etag"]
    done = await client.post(f"/leads/{lead_id}/assignment", json=OWNER, headers={"If-Match": tag})
    assert done.status_code == 200, done.text
    return lead_id


async def test_lead_assignment_needs_the_current_revision(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_manager") as client:
        lead_id = await captured(client)
        path = f"/leads/{lead_id}/assignment"
        tag = (await client.get(f"/leads/{lead_id}")).headers["etag"]
        blind = await client.post(path, json=OWNER)
        good = await client.post(path, json=OWNER, headers={"If-Match": tag})
        stale = await client.post(path, json=OWNER, headers={"If-Match": tag})
        shown = await client.get(f"/leads/{lead_id}")

    is_problem(blind, 428, "if-match-missing")
    is_problem(stale, 412, "stale")
    assert good.json()["status"] == "assigned"
    assert shown.headers["etag"] == good.headers["etag"] != tag
    [fact] = await lead_svc.published(LeadAssigned)
    assert fact.owner.sub == "u-1"


async def test_lead_captured_with_an_owner_is_assigned(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_manager", sub="rep-2") as client:
        lead_id = await captured(client, **OWNER)
        lead = (await client.get(f"/leads/{lead_id}")).json()

    assert lead["status"] == "assigned"
    assert [(g["name"], g["owner"]) for g in lead["gates"]] == [
        ("qualification", "person:u-1"),
        ("first_contact", "person:u-1"),
    ]
    [fact] = await lead_svc.published(LeadAssigned)
    assert (fact.owner.sub, fact.assigned_by) == ("u-1", "rep-2")
    assert (await lead_svc.said())[0] == "ltc.lead.captured.v1"


async def test_lead_qualified_event_names_its_owner(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_manager") as client:
        path = f"/leads/{await assigned(client)}"
        await client.post(f"{path}/contact", json={"note": "called them"})
        budget = {"amount": "5000.00", "currency": "CNY"}
        done = await client.post(
            f"{path}/qualification", json={"need": "gateways", "budget": budget}
        )

    assert done.status_code == 200, done.text
    [fact] = await lead_svc.published(LeadQualified)
    assert fact.owner is not None
    assert fact.owner.sub == "u-1"


@pytest.mark.parametrize("kind", ["call", "email", "meeting"])
async def test_lead_is_contacted_after_the_first_logged_contact(
    lead_svc: Harness, kind: str
) -> None:
    async with lead_svc.client("sales_manager", sub="boss", name="Margaret") as client:
        lead_id = await assigned(client)
        path = f"/leads/{lead_id}/activities"
        note = await client.post(path, json={"kind": "note", "note": "looks promising"})
        before = (await client.get(f"/leads/{lead_id}")).json()["status"]
        logged = await client.post(path, json={"kind": kind, "note": "they want gateways"})
        after = (await client.get(f"/leads/{lead_id}")).json()

    assert (note.status_code, logged.status_code) == (201, 201)
    assert (before, after["status"]) == ("assigned", "contacted")
    assert logged.json()["by_name"] == "Margaret"
    cleared = await lead_svc.published(LEAD_GATES.cleared)
    assert [(g.gate, g.cleared_by, g.evidence) for g in cleared] == [
        ("first_contact", "boss", "they want gateways")
    ]


async def test_lead_contact_route_logs_an_activity(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_manager") as client:
        lead_id = await assigned(client)
        no_contact = await client.post(
            f"/leads/{lead_id}/contact", json={"note": "n", "kind": "note"}
        )
        good = await client.post(f"/leads/{lead_id}/contact", json={"note": "called them"})
        twice = await client.post(f"/leads/{lead_id}/contact", json={"note": "again"})
        listed = (await client.get(f"/leads/{lead_id}/activities")).json()["items"]

    is_problem(no_contact, 422, "no-contact")
    is_problem(twice, 409, "illegal-transition")
    assert good.json()["status"] == "contacted"
    assert [(a["kind"], a["note"]) for a in listed] == [("call", "called them")]


async def test_lead_activities_are_paged_newest_first(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_rep") as client:
        lead_id = await captured(client)
        path = f"/leads/{lead_id}/activities"
        for n in range(5):
            await client.post(path, json={"kind": "note", "note": f"n{n}"})
        seen = [item["note"] for item in await all_pages(client, path, limit=2)]
        bad_cursor = await client.get(path, params={"cursor": "nonsense"})
        too_many = await client.get(path, params={"limit": 201})
        nobody = await client.get(f"/leads/{NOBODY}/activities")

    assert seen == ["n4", "n3", "n2", "n1", "n0"]
    is_problem(bad_cursor, 400, "bad-cursor")
    is_problem(too_many, 422, "invalid")
    is_problem(nobody, 404, "not-found")


async def test_lead_activity_that_is_invalid_is_refused_and_not_stored(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_rep") as client, lead_svc.client("auditor") as auditor:
        lead_id = await captured(client)
        path = f"/leads/{lead_id}/activities"
        good = {"kind": "call", "note": "n"}
        is_problem(await client.post(path, json={**good, "kind": "fax"}), 422, "invalid")
        is_problem(await client.post(path, json={**good, "note": ""}), 422, "invalid")
        future = {**good, "happened_at": "2999-01-01T00:00:00Z"}
        is_problem(await client.post(path, json=future), 422, "invalid")
        is_problem(await client.post(f"/leads/{NOBODY}/activities", json=good), 404, "not-found")
        is_problem(await auditor.post(path, json=good), 403, "forbidden")

    assert await lead_svc.rows("SELECT count(*) FROM activity") == [(0,)]


async def test_lead_merge_moves_activities_to_the_target(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_manager") as client:
        one, two = await captured(client, "a@x.test"), await captured(client, "b@x.test")
        await client.post(f"/leads/{one}/activities", json={"kind": "note", "note": "of one"})
        itself = await client.post(f"/leads/{one}/merge", json={"into": one})
        missing = await client.post(f"/leads/{one}/merge", json={"into": NOBODY})
        merged = await client.post(f"/leads/{one}/merge", json={"into": two})
        moved = (await client.get(f"/leads/{two}/activities")).json()["items"]
        late = await client.post(f"/leads/{one}/activities", json={"kind": "note", "note": "x"})
        again = await client.post(f"/leads/{one}/merge", json={"into": two})

    is_problem(itself, 422, "refused")
    is_problem(missing, 404, "not-found")
    assert merged.json()["merged_into"] == two
    assert [a["note"] for a in moved] == ["of one"]
    is_problem(late, 409, "elsewhere")
    is_problem(again, 409, "illegal-transition")
    assert len(await lead_svc.published(LeadMerged)) == 1


async def test_lead_reopened_by_a_manager_is_qualified_by_a_rep(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_rep") as rep, lead_svc.client("sales_manager") as boss:
        lead_id = await captured(rep)
        vague = await rep.post(f"/leads/{lead_id}/qualification", json={})
        await rep.post(f"/leads/{lead_id}/disqualification", json={"reason": "no budget"})
        not_yet = await rep.post(f"/leads/{lead_id}/qualification", json={"need": "gateways"})
        by_rep = await rep.post(f"/leads/{lead_id}/reopening", json={"reason": "r"})
        await boss.post(f"/leads/{lead_id}/reopening", json={"reason": "they wrote"})
        budget = {"amount": "5000.00", "currency": "CNY"}
        good = await rep.post(
            f"/leads/{lead_id}/qualification", json={"need": "gateways", "budget": budget}
        )

    is_problem(vague, 422, "not-yet-able")
    is_problem(not_yet, 409, "illegal-transition")
    is_problem(by_rep, 403, "forbidden")
    assert good.json()["status"] == "qualified"
    assert good.json()["gates"] == []
    [fact] = await lead_svc.published(LeadQualified)
    assert fact.need == "gateways"


@pytest.mark.parametrize(
    ("path", "body", "role"),
    [
        ("assignment", OWNER, "sales_rep"),
        ("qualification", {"need": "n"}, "finance"),
        ("disqualification", {"reason": "r"}, "auditor"),
        ("reopening", {"reason": "r"}, "sales_rep"),
        ("merge", {"into": NOBODY}, "sales_rep"),
        ("contact", {"note": "n"}, "order_desk"),
    ],
)
async def test_lead_routes_refuse_other_roles(
    lead_svc: Harness, path: str, body: dict[str, Any], role: str
) -> None:
    async with lead_svc.client(role) as client, lead_svc.client() as nobody:
        url = f"/leads/{NOBODY}/{path}"
        is_problem(await client.post(url, json=body), 403, "forbidden")
        is_problem(await nobody.post(url, json=body), 401, "unauthenticated")


async def test_lead_list_is_paged_and_filtered(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_rep") as client:
        for n in range(5):
            await captured(client, f"n{n}@x.test", need="%" if n == 3 else None)
        listed = await all_pages(client, "/leads", limit=3)
        link = await client.get("/leads", params={"limit": 3})
        found = (await client.get("/leads", params={"q": "N3@"})).json()["items"]
        wild = (await client.get("/leads", params={"q": "%"})).json()["items"]
        channel = (await client.get("/leads", params={"channel": "website"})).json()["items"]

    emails = [lead["contact"]["email"] for lead in listed]
    assert emails == [f"n{n}@x.test" for n in (4, 3, 2, 1, 0)]
    assert 'rel="next"' in link.headers["link"]
    assert [lead["contact"]["email"] for lead in found] == ["n3@x.test"]
    assert wild == channel == []


async def test_lead_capture_with_one_idempotency_key_is_one_lead(lead_svc: Harness) -> None:
    key = {"Idempotency-Key": "capture-1"}
    async with lead_svc.client("sales_rep") as client:
        first = await client.post("/leads", json=a_form(), headers=key)
        again = await client.post("/leads", json=a_form(), headers=key)
        other = await client.post("/leads", json=a_form("b@x.test"), headers=key)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    is_problem(other, 422, "idempotency-key-reused")
    assert await lead_svc.rows("SELECT count(*) FROM lead") == [(1,)]
