"""A customer's consent and prepayment: who may bring them, and to which texts."""

from __future__ import annotations

from typing import Any

import pytest
from test_capture import a_lead, a_web_order

from contracts.consents import STANDARD_HASH, STANDARD_NAME, STANDARD_TEXT, hash_of
from contracts.lead import LeadCaptured, LeadQualified
from testkit.harness import Harness

CAPTURERS = ("sales_rep", "sales_manager", "account_manager", "admin", "integration_import")


def an_order_with(*acts: str) -> dict[str, Any]:
    """A web order with some of the customer's acts."""
    lead = a_web_order()
    for act in {"consent", "prepayment"} - set(acts):
        del lead["order"][act]
    return lead


@pytest.mark.parametrize("role", CAPTURERS)
@pytest.mark.parametrize("act", ["consent", "prepayment"])
async def test_lead_with_an_act_of_the_customer_is_refused_from_others(
    lead_svc: Harness, role: str, act: str
) -> None:
    lead = an_order_with(act)
    async with lead_svc.client(role) as client:
        one = await client.post("/leads", json=lead)
        batch = (await client.post("/leads/batch", json={"leads": [lead, a_lead()]})).json()

    assert (one.status_code, one.json()["type"]) == (403, "urn:ltc:problem:not-their-act")
    assert one.json()["errors"][0]["pointer"] == f"/body/order/{act}"
    assert [row["outcome"] for row in batch["results"]] == ["refused", "accepted"]
    assert batch["results"][0]["errors"][0]["pointer"] == f"/order/{act}"
    assert len(await lead_svc.published(LeadCaptured)) == 1


async def test_lead_with_an_order_alone_is_taken_from_a_seller(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_rep") as client:
        answer = await client.post("/leads", json=an_order_with())

    assert answer.status_code == 201, answer.text
    assert await lead_svc.published(LeadQualified) == []


async def test_consent_names_who_brought_it(lead_svc: Harness) -> None:
    async with lead_svc.client("integration_web", sub="shop") as client:
        answer = await client.post("/leads", json=a_web_order())
        forged = a_web_order("W-2")
        forged["order"]["consent"]["captured_by"] = "person:boss"
        refused = await client.post("/leads", json=forged)

    assert answer.status_code == 201, answer.text
    [qualified] = await lead_svc.published(LeadQualified)
    assert qualified.web_order is not None
    assert qualified.web_order.consent is not None
    assert qualified.web_order.consent.captured_by == "shop"
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/body/order/consent/captured_by"


async def test_consent_to_a_text_that_is_not_published_is_refused(lead_svc: Harness) -> None:
    lead = a_web_order()
    lead["order"]["consent"]["text_hash"] = hash_of("another text")
    async with lead_svc.client("integration_web") as client:
        one = await client.post("/leads", json=lead)
        batch = (await client.post("/leads/batch", json={"leads": [lead]})).json()

    assert one.status_code == 422
    assert one.json()["errors"][0]["pointer"] == "/body/order/consent/text_hash"
    assert batch["results"][0]["errors"][0]["pointer"] == "/order/consent/text_hash"


async def test_consent_texts_are_published_by_policy_and_read_by_everybody(
    lead_svc: Harness,
) -> None:
    async with lead_svc.client() as anybody:
        [standard] = (await anybody.get("/consents")).json()
    async with lead_svc.client("sales_manager") as manager:
        changed = await manager.put(
            "/policies/consents",
            json={"rules": {"texts": [{"name": "v2", "text": "new"}]}, "reason": "lawyers"},
            headers={"If-Match": '"v0"'},
        )
        [text] = (await manager.get("/consents")).json()
    async with lead_svc.client("integration_web") as shop:
        refused = await shop.post("/leads", json=a_web_order())

    assert standard == {
        "name": STANDARD_NAME, "text": STANDARD_TEXT, "text_hash": STANDARD_HASH,
    }  # fmt: skip
    assert changed.status_code == 200, changed.text
    assert text["text_hash"] == hash_of("new")
    assert refused.status_code == 422
