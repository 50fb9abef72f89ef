"""Events that lead-svc consumes, in any order and with repetition; its gates."""

from __future__ import annotations

from uuid import UUID

from lead_builders import ACME, ADA, DEAL, a_deal_opened, a_form, a_settlement

from contracts.journey import LEAD_GATES
from contracts.lead import LeadConverted
from testkit.harness import Harness


async def a_qualified_lead(lead_svc: Harness) -> UUID:
    async with lead_svc.client("sales_rep") as client:
        lead_id = (await client.post("/leads", json=a_form())).json()["lead_id"]
        await client.post(f"/leads/{lead_id}/qualification", json={"need": "gateways"})
    return UUID(lead_id)


async def test_lead_is_converted_once_by_its_deal(lead_svc: Harness) -> None:
    lead_id = await a_qualified_lead(lead_svc)
    await lead_svc.receives(a_deal_opened(lead_id), times=2)
    await lead_svc.receives(a_deal_opened(lead_id))

    [fact] = await lead_svc.published(LeadConverted)
    assert (fact.lead_id, fact.deal_id, fact.deal_number) == (lead_id, DEAL, "D-2026-000001")


async def test_lead_events_wait_until_their_lead_exists(lead_svc: Harness) -> None:
    await lead_svc.receives(a_deal_opened(UUID(int=77)))

    [parked] = await lead_svc.rows("SELECT error_class, wake_key FROM parked_key")
    assert parked == ("DependencyMissing", f"lead:{UUID(int=77)}")


async def test_party_register_takes_the_parties_of_a_deal_opened_by_hand(
    lead_svc: Harness,
) -> None:
    await lead_svc.receives(a_deal_opened(None), times=2)
    await lead_svc.receives(a_deal_opened(None, contact=None))

    rows = await lead_svc.rows("SELECT kind, id, key, name FROM party ORDER BY kind")
    assert rows == [
        ("account", ACME.account_id, "company:acme.test", "Acme Ltd"),
        ("contact", ADA.contact_id, "person:ada@acme.test", "Ada"),
    ]
    assert await lead_svc.said() == []


async def test_party_register_keeps_a_known_party(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_rep") as client:
        await client.post("/leads", json=a_form(company={"name": "ACME", "domain": "acme.test"}))
    before = await lead_svc.rows("SELECT * FROM party ORDER BY kind")
    await lead_svc.receives(a_deal_opened(None))

    assert len(before) == 2
    assert await lead_svc.rows("SELECT * FROM party ORDER BY kind") == before


async def test_lead_shows_earned_money_once_after_settlement(lead_svc: Harness) -> None:
    lead_id = await a_qualified_lead(lead_svc)
    await lead_svc.receives(a_settlement(lead_id), a_settlement(None), times=2)
    async with lead_svc.client("sales_rep") as client:
        lead = (await client.get(f"/leads/{lead_id}")).json()
        [stats] = (await client.get("/lead-stats")).json()

    assert lead["earned"] == {"amount": "100.00", "currency": "CNY"}
    assert (stats["settled"], stats["earned_minor"]) == (1, 100_00)


async def test_lead_settlement_waits_until_its_lead_exists(lead_svc: Harness) -> None:
    await lead_svc.receives(a_settlement(UUID(int=77)))

    assert await lead_svc.rows("SELECT wake_key FROM parked_key") == [(f"lead:{UUID(int=77)}",)]


async def test_lead_gate_overdue_is_published_once(lead_svc: Harness) -> None:
    async with lead_svc.client("sales_rep") as client:
        await client.post("/leads", json=a_form())

    assert await lead_svc.let_gates_lapse() == 1
    assert await lead_svc.let_gates_lapse() == 0
    [overdue] = await lead_svc.published(LEAD_GATES.overdue)
    assert (overdue.gate, overdue.owner) == ("qualification", "role:sales_rep")
    assert overdue.overdue_for_s > 0
