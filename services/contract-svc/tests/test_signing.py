"""From an accepted quote to a signed contract, on real PostgreSQL."""

from __future__ import annotations

from uuid import UUID

import pytest
from contract_builders import CONTRACT, DEAL, NET, NOW, TAX, an_acceptance
from sqlalchemy.exc import DBAPIError

from contracts.contract import ContractSigned, ContractWithdrawn
from contracts.deal import DealLost
from contracts.ids import ContactId, LeadId
from contracts.journey import CONTRACT_GATES
from contracts.money import Money
from contracts.parties import Contact, Owner
from contracts.terms import ImportedOutcome, Prepayment
from testkit.harness import Harness


async def test_contract_is_signed_at_once_by_a_consent_that_covers_it(
    contract_svc: Harness,
) -> None:
    await contract_svc.receives(an_acceptance(consent_covers_signature=True), times=2)

    assert await contract_svc.said() == [
        "ltc.contract.drafted.v1",
        "ltc.contract.sent_for_signature.v1",
        "ltc.contract.party_signed.v1",
        "ltc.contract.party_signed.v1",
        "ltc.contract.signed.v1",
    ]
    [signed] = await contract_svc.published(ContractSigned)
    assert signed.totals.gross == Money(1060_00, "CNY")
    assert [(i.due, i.amount) for i in signed.schedule] == [("on_delivery", NET + TAX)]


async def test_contract_signed_event_names_quote_deal_and_lead(contract_svc: Harness) -> None:
    ada = Contact(contact_id=ContactId(UUID(int=5)), name="Ada", email="ada@acme.test")
    record = ImportedOutcome(
        source_system="crm", external_id="A", agreed=Money(1000_00, "CNY"), closed_at=NOW
    )
    paid = Prepayment(provider="alipay", reference="P-1", amount=NET + TAX, captured_at=NOW)
    lead, rep = LeadId(UUID(int=6)), Owner(sub="u-1", name="Rep")
    heard = an_acceptance(
        contact=ada,
        owner=rep,
        lead_id=lead,
        imported=record,
        prepayment=paid,
        consent_covers_signature=True,
    )
    await contract_svc.receives(heard)

    [signed] = await contract_svc.published(ContractSigned)
    assert (signed.contact, signed.owner, signed.lead_id) == (ada, rep, lead)
    assert (signed.imported, signed.prepayment) == (record, paid)


async def test_contract_signature_covers_the_text_that_was_shown(contract_svc: Harness) -> None:
    await contract_svc.receives(an_acceptance())
    async with contract_svc.client("sales_rep") as seller, contract_svc.client() as customer:
        token = (await seller.get(f"/contracts/{CONTRACT}/link")).json()["token"]
        shown = (await customer.get(f"/signing/{token}")).json()
        form = {"name": "Ada", "text_hash": "another text", "agree": True}
        other = await customer.post(f"/signing/{token}/signature", json=form)
        form["text_hash"] = shown["text_hash"]
        signed = await customer.post(f"/signing/{token}/signature", json=form)
        again = await customer.post(f"/signing/{token}/signature", json=form)

    assert "Acme" in shown["text"]
    assert other.status_code == 409
    assert other.json()["type"] == "urn:ltc:problem:text-differs"
    assert signed.json()["signed_by"] == ["customer", "company"]
    assert again.status_code == 409
    assert len(await contract_svc.published(ContractSigned)) == 1


@pytest.mark.parametrize("act", ["signature", "refusal"])
async def test_contract_gate_is_cleared_by_the_customer_whatever_name_is_typed(
    contract_svc: Harness, act: str
) -> None:
    await contract_svc.receives(an_acceptance())
    async with contract_svc.client("sales_rep") as seller, contract_svc.client() as customer:
        token = (await seller.get(f"/contracts/{CONTRACT}/link")).json()["token"]
        shown = (await customer.get(f"/signing/{token}")).json()
        forms = {
            "signature": {"name": "person:boss", "text_hash": shown["text_hash"], "agree": True},
            "refusal": {"name": "person:boss", "reason": "no"},
        }
        answer = await customer.post(f"/signing/{token}/{act}", json=forms[act])

    assert answer.status_code == 200, answer.text
    cleared = await contract_svc.published(CONTRACT_GATES.cleared)
    assert {gate.cleared_by for gate in cleared if gate.gate == "signature:customer"} == {
        "party:customer"
    }


async def test_contract_signed_text_is_immutable(contract_svc: Harness) -> None:
    await contract_svc.receives(an_acceptance(consent_covers_signature=True))

    for statement in (
        "UPDATE contract_text SET text = 'other'",
        "DELETE FROM contract_text",
        "UPDATE contract SET text_hash = 'other'",
        "UPDATE contract SET body = jsonb_set(body, '{totals,gross,amount}', '\"1.00\"')",
    ):
        with pytest.raises(DBAPIError, match="never changes"):
            await contract_svc.execute(statement)


async def test_contract_unsigned_is_withdrawn_with_a_lost_deal(contract_svc: Harness) -> None:
    await contract_svc.receives(an_acceptance())
    lost = DealLost(deal_id=DEAL, number="D-1", reason="no budget", lost_by="rep", lost_at=NOW)
    await contract_svc.receives(lost, times=2)

    [withdrawn] = await contract_svc.published(ContractWithdrawn)
    assert withdrawn.reason == "no budget"
