"""Events of later stages that deal-svc consumes, in any order and with repetition."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from deal_builders import DEAL, LEAD, NOW, a_lead_qualified, a_web_order, told

from contracts.billing import (
    InvoiceCredited,
    InvoiceIssued,
    InvoiceOverdue,
    InvoicePaid,
    JourneySettled,
)
from contracts.contract import (
    ContractDeclined,
    ContractSigned,
    ContractTerminated,
    ContractWithdrawn,
)
from contracts.deal import (
    DealOpened,
    DealReopened,
    DealStageChanged,
    DealWon,
    ProposalRequested,
)
from contracts.event import Event
from contracts.ids import LeadId
from contracts.journey import DEAL_GATES
from contracts.lead import LeadMerged, LeadQualified
from contracts.quote import (
    QuoteAccepted,
    QuoteApprovalRequested,
    QuoteApproved,
    QuoteDeclined,
    QuoteExpired,
    QuoteRejected,
    QuoteSent,
    QuoteSuperseded,
)
from contracts.samples import sample
from testkit.harness import Harness

OF_THE_OFFER = {
    QuoteApprovalRequested: "pending_approval",
    QuoteApproved: "approved",
    QuoteRejected: "rejected",
    QuoteSent: "sent",
    QuoteAccepted: "accepted",
    QuoteDeclined: "declined",
    QuoteExpired: "expired",
    QuoteSuperseded: "superseded",
}
OF_THE_CONTRACT = (ContractSigned, ContractDeclined, ContractWithdrawn, ContractTerminated)
OF_BILLING = (InvoiceIssued, InvoicePaid, InvoiceOverdue, InvoiceCredited, JourneySettled)
ABOUT_A_DEAL: list[type[Event]] = [*OF_THE_OFFER, *OF_THE_CONTRACT, *OF_BILLING]


async def test_deal_opened_event_carries_the_data_of_its_lead(deal_svc: Harness) -> None:
    lead = sample(LeadQualified)
    await deal_svc.receives(lead)

    [opened] = await deal_svc.published(DealOpened)
    assert (opened.account, opened.contact) == (lead.account, lead.contact)
    assert (opened.origin, opened.owner) == (lead.origin, lead.owner)
    [asked] = await deal_svc.published(ProposalRequested)
    assert asked.web_order == lead.web_order


async def the_deal(deal_svc: Harness) -> dict[str, Any]:
    async with deal_svc.client("auditor") as client:
        shown: dict[str, Any] = (await client.get(f"/deals/{DEAL}")).json()
    return shown


async def asked_for(deal_svc: Harness) -> None:
    """A deal whose proposal was asked for."""
    await deal_svc.receives(a_lead_qualified())
    lines = {"lines": [{"sku": "HW-GATEWAY", "quantity": 2}]}
    async with deal_svc.client("sales_rep") as client:
        tag = (await client.get(f"/deals/{DEAL}")).headers["etag"]
        await client.put(f"/deals/{DEAL}/needs", json=lines, headers={"If-Match": tag})
        await client.post(f"/deals/{DEAL}/proposal-request", json={})


@pytest.mark.parametrize("fact", ABOUT_A_DEAL)
async def test_deal_events_wait_until_their_deal_exists(
    deal_svc: Harness, fact: type[Event]
) -> None:
    await deal_svc.receives(told(fact))

    assert await deal_svc.rows("SELECT wake_key FROM parked_key") == [(f"deal:{DEAL}",)]


@pytest.mark.parametrize("fact", [f for f in ABOUT_A_DEAL if f is not JourneySettled])
async def test_deal_handles_a_redelivered_event_once(deal_svc: Harness, fact: type[Event]) -> None:
    await asked_for(deal_svc)
    await deal_svc.receives(told(fact))
    once, said = await the_deal(deal_svc), await deal_svc.said()
    seen = await deal_svc.rows("SELECT event_id FROM inbox")
    await deal_svc.receives(told(fact), times=2)
    twice = await the_deal(deal_svc)

    assert {**twice, "revision": 0} == {**once, "revision": 0}
    assert await deal_svc.said() == said
    assert len(await deal_svc.rows("SELECT event_id FROM inbox")) == len(seen) + 1


@pytest.mark.parametrize(("fact", "status"), list(OF_THE_OFFER.items()))
async def test_deal_shows_the_status_of_its_quote(
    deal_svc: Harness, fact: type[Event], status: str
) -> None:
    await asked_for(deal_svc)
    await deal_svc.receives(told(fact, version=3))
    await deal_svc.receives(told(QuoteSuperseded, version=2))
    offer = (await the_deal(deal_svc))["offer"]

    assert (offer["version"], offer["status"]) == (3, status)
    if fact in (QuoteRejected, QuoteDeclined, QuoteSuperseded):
        assert offer["note"] == told(fact).reason  # type: ignore[attr-defined]
    if fact is QuoteApprovalRequested:
        assert offer["note"] == told(fact).limit  # type: ignore[attr-defined]


@pytest.mark.parametrize("no", [QuoteDeclined, QuoteExpired, ContractDeclined, ContractWithdrawn])
async def test_deal_returns_to_negotiation_after_a_refusal_with_a_gate_for_its_owner(
    deal_svc: Harness, no: type[Event]
) -> None:
    await asked_for(deal_svc)
    await deal_svc.receives(told(QuoteSent), told(QuoteAccepted))
    assert (await the_deal(deal_svc))["stage"] == "contracting"
    await deal_svc.receives(told(no))
    deal = await the_deal(deal_svc)

    assert deal["stage"] == "negotiation"
    assert [gate["name"] for gate in deal["gates"]] == ["proposal"]
    stages = [s.to_stage for s in await deal_svc.published(DealStageChanged)]
    assert stages[-3:] == ["negotiation", "contracting", "negotiation"]


@pytest.mark.parametrize(("by_version", "gates"), [(2, []), (None, ["proposal"])])
async def test_deal_waits_for_a_new_proposal_after_a_superseded_quote_without_successor(
    deal_svc: Harness, by_version: int | None, gates: list[str]
) -> None:
    await asked_for(deal_svc)
    await deal_svc.receives(told(QuoteSuperseded, by_version=by_version))
    deal = await the_deal(deal_svc)

    assert (deal["stage"], [gate["name"] for gate in deal["gates"]]) == ("proposal", gates)


@pytest.mark.parametrize("no", [QuoteDeclined, QuoteExpired, ContractWithdrawn])
async def test_deal_lost_is_unchanged_by_a_later_refusal(
    deal_svc: Harness, no: type[Event]
) -> None:
    await asked_for(deal_svc)
    async with deal_svc.client("sales_rep") as client:
        await client.post(f"/deals/{DEAL}/loss", json={"reason": "budget cut"})
    said = await deal_svc.said()
    await deal_svc.receives(told(no))
    deal = await the_deal(deal_svc)

    assert (deal["status"], deal["gates"]) == ("lost", [])
    assert await deal_svc.said() == said


async def test_deal_is_won_by_the_signature_and_shows_its_invoices(deal_svc: Harness) -> None:
    await asked_for(deal_svc)
    signed, issued = told(ContractSigned), told(InvoiceIssued)
    invoice = {"invoice_id": issued.invoice_id, "number": issued.number}
    await deal_svc.receives(issued, signed)
    await deal_svc.receives(told(InvoiceOverdue, **invoice))
    late = await the_deal(deal_svc)
    await deal_svc.receives(told(InvoicePaid, **invoice), told(JourneySettled))
    deal = await the_deal(deal_svc)

    [won] = await deal_svc.published(DealWon)
    assert (won.contract_id, won.net) == (signed.contract_id, signed.totals.net)
    assert late["overdue_invoice"] == issued.number
    assert deal["overdue_invoice"] is None
    assert [(i["number"], i["status"]) for i in deal["invoices"]] == [(issued.number, "paid")]
    assert deal["invoices"][0]["due_on"] == issued.due_on.isoformat()
    assert deal["status"] == "won"
    assert deal["outcome"]["earned"] is not None


async def test_deal_lost_during_the_signature_is_reopened_and_won(deal_svc: Harness) -> None:
    await asked_for(deal_svc)
    async with deal_svc.client("sales_rep") as client:
        await client.post(f"/deals/{DEAL}/loss", json={"reason": "budget cut"})
    signed = told(ContractSigned)
    await deal_svc.receives(signed, signed)
    deal = await the_deal(deal_svc)

    [reopened] = await deal_svc.published(DealReopened)
    [won] = await deal_svc.published(DealWon)
    assert (deal["status"], deal["gates"]) == ("won", [])
    assert reopened.reason == f"{signed.number} was signed"
    assert won.contract_id == signed.contract_id
    assert (await deal_svc.said())[-2:] == [DealReopened.name, DealWon.name]


async def test_deal_settlement_waits_for_the_signature(deal_svc: Harness) -> None:
    await asked_for(deal_svc)
    await deal_svc.receives(told(JourneySettled))
    assert await deal_svc.rows("SELECT count(*) FROM parked_key") == [(1,)]
    await deal_svc.receives(told(ContractSigned))
    await deal_svc.retry_parked()

    assert await deal_svc.rows("SELECT count(*) FROM parked_key") == [(0,)]
    assert (await the_deal(deal_svc))["outcome"]["settled_at"] is not None


async def test_deal_stays_won_after_termination_with_the_reason(
    deal_svc: Harness,
) -> None:
    await asked_for(deal_svc)
    await deal_svc.receives(told(ContractSigned), told(ContractTerminated, reason="insolvent"))
    deal = await the_deal(deal_svc)

    assert (deal["status"], deal["reason"]) == ("won", "insolvent")


async def test_deal_of_an_express_lead_ignores_events_of_its_own_quote(deal_svc: Harness) -> None:
    await deal_svc.receives(a_lead_qualified(web_order=a_web_order()))
    said = await deal_svc.said()
    await deal_svc.receives(told(QuoteSent), told(QuoteAccepted))

    assert await deal_svc.said() == said


async def test_deal_follows_a_merged_lead(deal_svc: Harness) -> None:
    await deal_svc.receives(a_lead_qualified())
    other = LeadId(UUID(int=99))
    merged = LeadMerged(
        lead_id=LEAD,
        number="L-1",
        into_lead_id=other,
        into_number="L-2",
        merged_by="boss",
        merged_at=NOW,
    )
    await deal_svc.receives(merged, times=2)

    assert (await the_deal(deal_svc))["lead_id"] == str(other)
    assert len(await deal_svc.published(DealOpened)) == 1


async def test_deal_gate_overdue_is_published_once(deal_svc: Harness) -> None:
    await deal_svc.receives(a_lead_qualified())

    assert await deal_svc.let_gates_lapse() == 1
    assert await deal_svc.let_gates_lapse() == 0
    [overdue] = await deal_svc.published(DEAL_GATES.overdue)
    assert (overdue.gate, overdue.owner) == ("needs", "role:sales_rep")
