"""The API of deals: roles, states, and the events of each command."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from answers import all_pages, is_problem

from contracts.deal import DealLost, DealReopened, DealStageChanged, ProposalRequested
from contracts.journey import DEAL_GATES
from testkit.harness import Harness

NOBODY = "00000000-0000-0000-0000-00000000dead"
FORM = {"title": "gateways", "account": "Acme", "owner": {"sub": "u-1", "name": "Rep"}}
SOON = datetime.now(UTC) + timedelta(days=30)
LINES = {"lines": [{"sku": "HW-GATEWAY", "quantity": 2}]}


async def opened(client: httpx.AsyncClient, **more: Any) -> str:
    answer = await client.post("/deals", json={**FORM, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


async def seen(client: httpx.AsyncClient, path: str) -> dict[str, str]:
    return {"If-Match": (await client.get(path)).headers["etag"]}


async def test_deal_opened_by_hand_waits_for_its_needs(deal_svc: Harness) -> None:
    async with deal_svc.client("sales_rep") as client:
        path = await opened(client)
        deal = (await client.get(path)).json()
        with_lines = (await client.get(await opened(client, **LINES))).json()

    assert [g["name"] for g in deal["gates"]] == ["needs"]
    assert [g["name"] for g in with_lines["gates"]] == ["proposal"]
    assert deal["journey_id"] != with_lines["journey_id"]


@pytest.mark.parametrize(
    ("path", "body"),
    [("needs", LINES), ("stage", {"stage": "needs"})],
)
async def test_deal_update_needs_the_current_revision(
    deal_svc: Harness, path: str, body: dict[str, Any]
) -> None:
    async with deal_svc.client("sales_rep") as client:
        deal = await opened(client)
        tag = await seen(client, deal)
        is_problem(await client.put(f"{deal}/{path}", json=body), 428, "if-match-missing")
        good = await client.put(f"{deal}/{path}", json=body, headers=tag)
        is_problem(await client.put(f"{deal}/{path}", json=body, headers=tag), 412, "stale")

    assert good.status_code == 200
    assert good.headers["etag"] != tag["If-Match"]


async def test_deal_stage_change_follows_the_checklist(deal_svc: Harness) -> None:
    async with deal_svc.client("sales_rep") as client:
        deal = await opened(client)
        too_early = await client.put(
            f"{deal}/stage", json={"stage": "proposal"}, headers=await seen(client, deal)
        )
        past = await client.put(
            f"{deal}/stage",
            json={"stage": "needs", "expected_close": "2020-01-01"},
            headers=await seen(client, deal),
        )
        unknown = await client.put(
            f"{deal}/stage", json={"stage": "won"}, headers=await seen(client, deal)
        )
        good = await client.put(
            f"{deal}/stage",
            json={"stage": "needs", "expected_close": str(SOON.date())},
            headers=await seen(client, deal),
        )

    is_problem(too_early, 409, "checklist-incomplete")
    is_problem(past, 422, "close-past")
    is_problem(unknown, 422, "invalid")
    assert good.json()["expected_close"] == str(SOON.date())
    [fact] = await deal_svc.published(DealStageChanged)
    assert (fact.from_stage, fact.to_stage) == ("qualification", "needs")


async def test_deal_proposal_request_changes_the_stage(deal_svc: Harness) -> None:
    async with deal_svc.client("sales_rep") as client:
        deal = await opened(client, **LINES)
        first = await client.post(f"{deal}/proposal-request", json={})
        await client.post(f"{deal}/proposal-request", json={})

    assert (first.json()["stage"], first.json()["gates"]) == ("proposal", [])
    [fact] = await deal_svc.published(DealStageChanged)
    assert (fact.from_stage, fact.to_stage) == ("qualification", "proposal")
    assert [p.request_no for p in await deal_svc.published(ProposalRequested)] == [1, 2]


async def test_deal_is_put_on_hold_until_a_day_and_resumed(deal_svc: Harness) -> None:
    async with deal_svc.client("sales_rep") as client:
        deal = await opened(client)
        past = await client.post(
            f"{deal}/hold", json={"reason": "r", "until": "2020-01-01T00:00:00Z"}
        )
        until = {"reason": "new budget in spring", "until": SOON.isoformat()}
        held = await client.post(f"{deal}/hold", json=until)
        twice = await client.post(f"{deal}/hold", json=until)
        asked = await client.post(f"{deal}/proposal-request", json={})
        resumed = await client.post(f"{deal}/resumption")
        again = await client.post(f"{deal}/resumption")

    is_problem(past, 422, "refused")
    assert (held.json()["status"], held.json()["gates"][0]["name"]) == ("on_hold", "resumption")
    is_problem(twice, 409, "illegal-transition")
    is_problem(asked, 409, "not-open")
    assert (resumed.json()["status"], resumed.json()["gates"][0]["name"]) == ("open", "needs")
    is_problem(again, 409, "not-open")
    told = await deal_svc.published(DEAL_GATES.opened)
    assert [gate.gate for gate in told] == ["needs", "resumption", "needs"]


async def test_deal_lost_is_reopened_by_a_manager_only(deal_svc: Harness) -> None:
    async with deal_svc.client("sales_rep") as rep, deal_svc.client("sales_manager") as boss:
        deal = await opened(rep)
        no_reason = await rep.post(f"{deal}/loss", json={"reason": ""})
        early = await boss.post(f"{deal}/reopening", json={"reason": "r"})
        await rep.post(f"{deal}/loss", json={"reason": "price", "competitor": "Initech"})
        twice = await rep.post(f"{deal}/loss", json={"reason": "price"})
        by_rep = await rep.post(f"{deal}/reopening", json={"reason": "r"})
        good = await boss.post(f"{deal}/reopening", json={"reason": "they called"})

    is_problem(no_reason, 422, "invalid")
    is_problem(early, 409, "not-open")
    is_problem(twice, 409, "illegal-transition")
    is_problem(by_rep, 403, "forbidden")
    assert good.json()["status"] == "open"
    [lost] = await deal_svc.published(DealLost)
    assert (lost.reason, lost.competitor) == ("price", "Initech")
    assert len(await deal_svc.published(DealReopened)) == 1


async def test_deal_activities_distinguish_done_and_open_tasks(deal_svc: Harness) -> None:
    async with deal_svc.client("sales_rep", sub="u-1", name="Rep") as client:
        deal = await opened(client)
        path = f"{deal}/activities"
        call = await client.post(path, json={"kind": "call", "note": "spoke"})
        task = await client.post(
            path, json={"kind": "task", "note": "send data", "due_at": SOON.isoformat()}
        )
        to_do = (await client.get(path, params={"to_do": True})).json()["items"]
        done_path = f"{path}/{task.json()['id']}/completion"
        elsewhere = await client.post(
            f"/deals/{NOBODY}/activities/{task.json()['id']}/completion", json={}
        )
        future = await client.post(done_path, json={"done_at": "2999-01-01T00:00:00Z"})
        done = await client.post(done_path, json={})
        twice = await client.post(done_path, json={})
        left = (await client.get(path, params={"to_do": True})).json()["items"]

    assert call.json()["done_at"] == call.json()["recorded_at"]
    assert call.json()["by_name"] == "Rep"
    assert [a["note"] for a in to_do] == ["send data"]
    is_problem(elsewhere, 404, "not-found")
    is_problem(future, 422, "invalid")
    assert done.json()["done_at"] is not None
    is_problem(twice, 409, "conflict")
    assert left == []


async def test_deal_activities_are_paged_newest_first(deal_svc: Harness) -> None:
    async with deal_svc.client("sales_rep") as client, deal_svc.client("auditor") as auditor:
        path = f"{await opened(client)}/activities"
        for n in range(5):
            await client.post(path, json={"kind": "note", "note": f"n{n}"})
        notes = [item["note"] for item in await all_pages(auditor, path, limit=2)]
        is_problem(await auditor.post(path, json={"kind": "note", "note": "n"}), 403, "forbidden")
        fax = await client.post(path, json={"kind": "fax", "note": "n"})
        future = {"kind": "call", "note": "n", "done_at": "2999-01-01T00:00:00Z"}
        is_problem(await client.post(path, json=future), 422, "invalid")
        nowhere = await client.get(f"/deals/{NOBODY}/activities")

    assert notes == ["n4", "n3", "n2", "n1", "n0"]
    is_problem(fax, 422, "invalid")
    is_problem(nowhere, 404, "not-found")


async def test_deal_list_is_paged_and_filtered(deal_svc: Harness) -> None:
    async with deal_svc.client("sales_rep") as client, deal_svc.client() as nobody:
        for n in range(5):
            await opened(client, title=f"t{n}", account=f"A{n}")
        listed = await all_pages(client, "/deals", limit=3)
        one = (await client.get("/deals", params={"account": "A2"})).json()["items"]
        [total] = (await client.get("/deals/pipeline")).json()
        is_problem(await nobody.get("/deals"), 401, "unauthenticated")

    assert [d["title"] for d in listed] == ["t4", "t3", "t2", "t1", "t0"]
    assert [d["title"] for d in one] == ["t2"]
    assert (total["stage"], total["deals"]) == ("qualification", 5)


async def test_deal_opened_twice_with_one_idempotency_key_is_one_deal(deal_svc: Harness) -> None:
    key = {"Idempotency-Key": "open-1"}
    async with deal_svc.client("sales_rep") as client:
        first = await client.post("/deals", json=FORM, headers=key)
        again = await client.post("/deals", json=FORM, headers=key)
        other = await client.post("/deals", json={**FORM, "title": "t"}, headers=key)

    assert again.content == first.content
    is_problem(other, 422, "idempotency-key-reused")
    assert await deal_svc.rows("SELECT count(*) FROM deal") == [(1,)]


@pytest.mark.parametrize(
    ("method", "path", "body", "role"),
    [
        ("POST", "/deals", FORM, "finance"),
        ("POST", "/deals/batch", {"deals": []}, "sales_rep"),
        ("PUT", f"/deals/{NOBODY}/needs", LINES, "order_desk"),
        ("PUT", f"/deals/{NOBODY}/stage", {"stage": "needs"}, "auditor"),
        ("POST", f"/deals/{NOBODY}/proposal-request", {}, "finance"),
        ("POST", f"/deals/{NOBODY}/loss", {"reason": "r"}, "finance"),
        ("POST", f"/deals/{NOBODY}/reopening", {"reason": "r"}, "sales_rep"),
        ("POST", f"/deals/{NOBODY}/hold", {"reason": "r"}, "finance"),
        ("POST", f"/deals/{NOBODY}/resumption", {}, "finance"),
        ("GET", "/deals", None, "integration_web"),
    ],
)
async def test_deal_routes_refuse_other_roles(
    deal_svc: Harness, method: str, path: str, body: dict[str, Any] | None, role: str
) -> None:
    async with deal_svc.client(role) as client, deal_svc.client() as nobody:
        is_problem(await client.request(method, path, json=body), 403, "forbidden")
        is_problem(await nobody.request(method, path, json=body), 401, "unauthenticated")
