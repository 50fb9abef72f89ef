"""Working on leads: assign, qualify, disqualify, reopen, merge, convert, settle."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from chassis.transaction import Transaction
from contracts.ids import DealId
from contracts.money import Money
from contracts.parties import Owner
from lead_svc.domain.lead import Lead
from lead_svc.policies import Qualification, policies
from lead_svc.storage import Leads


async def assign_lead(lead_id: UUID, owner: Owner, tx: Transaction) -> Lead:
    leads = Leads(tx)
    lead = await leads.get(lead_id)
    ruling = await policies.get(tx, "qualification", Qualification)
    within = timedelta(hours=ruling.rules.contact_within_hours)
    assigned, fact = lead.assign(owner, by=tx.actor.sub, at=tx.now, contact_within=within)
    await leads.save(assigned)
    tx.publish(fact)
    return assigned


async def qualify_lead(
    lead_id: UUID, need: str | None, budget: Money | None, tx: Transaction
) -> Lead:
    leads = Leads(tx)
    lead = await leads.get(lead_id)
    qualified, fact = lead.qualify(by=tx.actor.sub, at=tx.now, need=need, budget=budget)
    await leads.save(qualified)
    tx.publish(fact)
    return qualified


async def disqualify_lead(lead_id: UUID, reason: str, tx: Transaction) -> Lead:
    leads = Leads(tx)
    lead = await leads.get(lead_id)
    disqualified, fact = lead.disqualify(reason=reason, by=tx.actor.sub, at=tx.now)
    await leads.save(disqualified)
    tx.publish(fact)
    return disqualified


async def reopen_lead(lead_id: UUID, reason: str, tx: Transaction) -> Lead:
    leads = Leads(tx)
    lead = await leads.get(lead_id)
    ruling = await policies.get(tx, "qualification", Qualification)
    within = timedelta(hours=ruling.rules.review_within_hours)
    reopened, fact = lead.reopen(reason=reason, by=tx.actor.sub, at=tx.now, within=within)
    await leads.save(reopened)
    tx.publish(fact)
    return reopened


async def merge_leads(lead_id: UUID, into_id: UUID, tx: Transaction) -> Lead:
    """Fold one into the other, with what was done about it."""
    leads = Leads(tx)
    await tx.load_all(Leads, (lead_id, into_id))
    lead, into = await leads.get(lead_id), await leads.get(into_id)
    merged, fact = lead.merge_into(into, by=tx.actor.sub, at=tx.now)
    await leads.save(merged)
    tx.publish(fact)
    await tx.connection.exec_driver_sql(
        "UPDATE activity SET lead_id = $2 WHERE lead_id = $1", (lead_id, into_id)
    )
    return merged


async def convert_lead(lead: Lead, deal_id: DealId, deal_number: str, tx: Transaction) -> None:
    converted, fact = lead.convert(deal_id=deal_id, deal_number=deal_number, at=tx.now)
    await Leads(tx).save(converted)
    tx.publish(fact)
