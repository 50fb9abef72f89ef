"""What deal-svc hears of the later stages, in whatever order and however often."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from deal_builders import DEAL, LEAD, NOW, a_lead_qualified, a_web_order, told

from chassis.testing import Harness
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


async def test_a_deal_says_all_that_its_lead_is_known_by(deal_svc: Harness) -> None:
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
async def test_a_fact_about_a_deal_that_is_not_there_yet_waits_for_it(
    deal_svc: Harness, fact: type[Event]
) -> None:
    await deal_svc.receives(told(fact))

    assert await deal_svc.rows("SELECT wake_key FROM parked_key") == [(f"deal:{DEAL}",)]


@pytest.mark.parametrize("fact", [f for f in ABOUT_A_DEAL if f is not JourneySettled])
async def test_a_fact_that_comes_twice_has_one_effect(deal_svc: Harness, fact: type[Event]) -> None:
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
async def test_the_owner_sees_how_far_the_offer_has_come(
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
async def test_a_no_brings_the_deal_back_to_negotiation_and_its_owner_to_act(
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
async def test_an_offer_taken_back_with_nothing_in_its_place_is_the_owners_to_ask_anew(
    deal_svc: Harness, by_version: int | None, gates: list[str]
) -> None:
    await asked_for(deal_svc)
    await deal_svc.receives(told(QuoteSuperseded, by_version=by_version))
    deal = await the_deal(deal_svc)

    assert (deal["stage"], [gate["name"] for gate in deal["gates"]]) == ("proposal", gates)


@pytest.mark.parametrize("no", [QuoteDeclined, QuoteExpired, ContractWithdrawn])
async def test_a_no_about_a_lost_deal_changes_nothing_of_it(
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


async def test_won_follows_the_signature_and_the_money_is_shown(deal_svc: Harness) -> None:
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


async def test_a_signature_wins_over_a_loss_of_the_same_moment(deal_svc: Harness) -> None:
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


async def test_a_settlement_before_the_signature_waits(deal_svc: Harness) -> None:
    await asked_for(deal_svc)
    await deal_svc.receives(told(JourneySettled))
    assert await deal_svc.rows("SELECT count(*) FROM parked_key") == [(1,)]
    await deal_svc.receives(told(ContractSigned))
    await deal_svc.retry_parked()

    assert await deal_svc.rows("SELECT count(*) FROM parked_key") == [(0,)]
    assert (await the_deal(deal_svc))["outcome"]["settled_at"] is not None


async def test_a_terminated_contract_leaves_the_deal_won_with_the_reason(
    deal_svc: Harness,
) -> None:
    await asked_for(deal_svc)
    await deal_svc.receives(told(ContractSigned), told(ContractTerminated, reason="insolvent"))
    deal = await the_deal(deal_svc)

    assert (deal["status"], deal["reason"]) == ("won", "insolvent")


async def test_an_express_deal_is_not_troubled_by_its_own_offer(deal_svc: Harness) -> None:
    await deal_svc.receives(a_lead_qualified(web_order=a_web_order()))
    said = await deal_svc.said()
    await deal_svc.receives(told(QuoteSent), told(QuoteAccepted))

    assert await deal_svc.said() == said


async def test_a_merged_lead_repoints_its_deal(deal_svc: Harness) -> None:
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


async def test_a_deal_left_too_long_is_said_to_be_overdue_once(deal_svc: Harness) -> None:
    await deal_svc.receives(a_lead_qualified())

    assert await deal_svc.let_gates_lapse() == 1
    assert await deal_svc.let_gates_lapse() == 0
    [overdue] = await deal_svc.published(DEAL_GATES.overdue)
    assert (overdue.gate, overdue.owner) == ("needs", "role:sales_rep")
