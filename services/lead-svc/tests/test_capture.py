"""Capture of leads through the public API, on real PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.consents import STANDARD_HASH
from contracts.journey import LEAD_GATES
from contracts.lead import LeadCaptured, LeadQualified
from testkit.harness import Harness


def a_lead(**changes: Any) -> dict[str, Any]:
    return {
        "contact": {"name": "王小明", "email": "Wang@Example.cn", "phone": "138 0013 8000"},
        "company": {"name": "示例科技有限公司"},
        "origin": {"channel": "exhibition", "campaign": "广交会 2026"},
        **changes,
    }


def a_web_order(reference: str = "W-1", **changes: Any) -> dict[str, Any]:
    return a_lead(
        origin={"channel": "website", "source_system": "shop", "external_id": reference},
        order={
            "lines": [{"sku": "SVC-ONBOARD", "quantity": 1}],
            "currency": "CNY",
            "consent": {
                "given_by": "王小明",
                "given_at": "2026-11-01T08:00:00Z",
                "text_hash": STANDARD_HASH,
                "covers": ["price", "terms", "signature"],
            },
            "prepayment": {
                "provider": "alipay",
                "reference": f"PAY-{reference}",
                "amount": {"amount": "1060.00", "currency": "CNY"},
                "captured_at": "2026-11-01T08:00:01Z",
            },
        },
        **changes,
    )


async def test_lead_captured_waits_for_qualification(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_rep") as client:
        answer = await client.post("/leads", json=a_lead())
        shown = await client.get(answer.headers["location"])

    assert answer.status_code == 201
    assert shown.json()["contact"]["email"] == "wang@example.cn"
    assert shown.json()["contact"]["phone"] == "+8613800138000"
    assert await lead_svc.said() == ["ltc.lead.captured.v1", "ltc.lead.gate_opened.v1"]
    [gate] = await lead_svc.published(LEAD_GATES.opened)
    assert (gate.gate, gate.owner) == ("qualification", "role:sales_rep")


async def test_lead_of_a_complete_web_order_qualifies_by_policy(lead_svc: Harness) -> None:
    async with lead_svc.client("integration_web") as client:
        answer = await client.post("/leads", json=a_web_order())

    assert answer.status_code == 201, answer.text
    assert await lead_svc.said() == ["ltc.lead.captured.v1", "ltc.lead.qualified.v1"]
    [qualified] = await lead_svc.published(LeadQualified)
    assert qualified.qualified_by == "policy:qualification@0"
    assert qualified.web_order is not None


async def test_lead_capture_of_the_same_person_is_one_lead(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_rep") as client:
        first = await client.post("/leads", json=a_lead())
        again = a_lead(contact={"name": "Wang", "phone": "+86 138-0013-8000"})
        second = await client.post("/leads", json=again)

    assert second.status_code == 200
    assert second.json()["outcome"] == "duplicate"
    assert second.json()["number"] == first.json()["number"]
    assert len(await lead_svc.published(LeadCaptured)) == 1


@pytest.mark.parametrize("dry_run", [True, False])
async def test_lead_capture_hides_the_leads_of_others(lead_svc: Harness, dry_run: bool) -> None:
    """That it repeats one may be said; which one is the owner's to see."""
    theirs = a_lead(owner={"sub": "other", "name": "Other"})
    namesake = a_lead(contact={"name": "王小明", "email": "another@example.cn"})
    batch, asked = {"leads": [a_lead(), namesake]}, {"dry_run": str(dry_run).lower()}
    async with (
        lead_svc.client("sales_manager") as boss,
        lead_svc.client("sales_rep", sub="me") as me,
        lead_svc.client("integration_web") as shop,
    ):
        number = (await boss.post("/leads", json=theirs)).json()["number"]
        one = await me.post("/leads", json=a_lead())
        looked_up = (await shop.post("/leads/batch", json=batch, params={"dry_run": "true"})).json()
        mine = (await me.post("/leads/batch", json=batch, params=asked)).json()["results"]
        seen = (await boss.post("/leads/batch", json=batch, params=asked)).json()["results"]

    assert (one.status_code, one.json()["outcome"]) == (200, "duplicate")
    assert "location" not in one.headers
    for row in (one.json(), mine[0], looked_up["results"][0]):
        assert (row["lead_id"], row["number"], row["journey_id"]) == (None, None, None)
    assert mine[1]["candidates"] == looked_up["results"][1]["candidates"] == []
    assert seen[0]["number"] == number
    assert not dry_run or seen[1]["candidates"] == [number]


async def test_lead_capture_of_two_web_orders_is_two_leads(lead_svc: Harness) -> None:
    async with lead_svc.client("integration_web") as client:
        for reference in ("W-1", "W-2", "W-1"):
            await client.post("/leads", json=a_web_order(reference))

    assert len(await lead_svc.published(LeadCaptured)) == 2


async def test_lead_batch_answers_for_every_row(lead_svc: Harness) -> None:
    rows = [
        a_lead(),
        a_lead(contact={"name": "Other", "email": "other@example.com"}, company=None),
        a_lead(),
        a_lead(contact={"name": "Bad", "email": "not an address"}),
        {"contact": {"name": "No origin"}},
        a_lead(budget={"amount": "1.005", "currency": "CNY"}),
        "nonsense",
    ]
    async with lead_svc.client("integration_import") as client:
        answer = (await client.post("/leads/batch", json={"leads": rows})).json()
        again = (await client.post("/leads/batch", json={"leads": rows})).json()

    assert (answer["rows"], answer["accepted"], answer["duplicates"], answer["refused"]) == (
        7,
        2,
        1,
        4,
    )
    assert answer["results"][2]["duplicate_of_row"] == 0
    assert answer["results"][2]["number"] == answer["results"][0]["number"]
    assert answer["results"][3]["errors"][0]["pointer"] == "/contact/email"
    assert answer["results"][5]["errors"][0]["pointer"].startswith("/budget")
    assert (again["accepted"], again["duplicates"], again["refused"]) == (0, 3, 4)


@pytest.mark.parametrize(
    "moment",
    [
        "20261127",
        46353,
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T00:00:00Z",
        "2999-01-01T00:00:00Z",
    ],
)
async def test_lead_batch_refuses_an_instant_out_of_bounds_by_row(
    lead_svc: Harness, moment: str | int
) -> None:
    order = a_web_order()
    order["order"]["prepayment"] |= {"captured_at": moment}
    rows = [a_lead(), a_lead(captured_at=moment), order]
    async with lead_svc.client("integration_import") as client:
        answer = (await client.post("/leads/batch", json={"leads": rows})).json()
        alone = await client.post("/leads", json=order)

    assert [row["outcome"] for row in answer["results"]] == ["accepted", "refused", "refused"]
    pointers = [row["errors"][0]["pointer"] for row in answer["results"][1:]]
    assert pointers == ["/captured_at", "/order/prepayment/captured_at"]
    assert alone.json()["errors"][0]["pointer"] == "/body/order/prepayment/captured_at"


async def test_lead_batch_gives_each_journey_its_own_trace(lead_svc: Harness) -> None:
    rows = [a_lead(contact={"name": "N", "email": f"n{n}@example.com"}) for n in range(3)]
    for n, row in enumerate(rows):
        row["company"] = {"name": f"Company {n}"}
    async with lead_svc.client("integration_import") as client:
        answer = (await client.post("/leads/batch", json={"leads": rows})).json()
    said = await lead_svc.rows("SELECT aggregateid, headers->>'traceparent' FROM outbox")
    traces: dict[str, set[str]] = {}
    for lead_id, traceparent in said:
        traces.setdefault(str(lead_id), set()).add(traceparent.split("-")[1])

    assert answer["accepted"] == len(traces) == 3
    assert len(said) > 3
    assert all(len(of_one) == 1 for of_one in traces.values())
    assert len(set.union(*traces.values())) == 3


async def test_lead_capture_that_is_refused_stores_nothing(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_rep") as client:
        unknown_field = await client.post("/leads", json=a_lead(status="qualified"))
        naive = await client.post("/leads", json=a_lead(captured_at="2026-01-01T00:00:00"))
        twice = await client.post(
            "/leads",
            content=b'{"contact": {"name": "a", "name": "b"}}',
            headers={"content-type": "application/json"},
        )

    for answer in (unknown_field, naive, twice):
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
    assert naive.json()["errors"][0]["pointer"] == "/body/captured_at"
    assert await lead_svc.said() == []


async def test_lead_capture_refuses_other_roles(lead_svc: Harness) -> None:
    async with lead_svc.client() as nobody, lead_svc.client("finance") as finance:
        assert (await nobody.post("/leads", json=a_lead())).status_code == 401
        assert (await finance.post("/leads", json=a_lead())).status_code == 403
