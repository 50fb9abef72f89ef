"""What lead-svc hears: that its leads became deals, and what they earned."""

from __future__ import annotations

from chassis.consumer import Consumer
from chassis.domain import DependencyMissing
from chassis.transaction import Transaction
from contracts.billing import JourneySettled
from contracts.deal import DealOpened
from lead_svc.commands.register import learn_parties
from lead_svc.commands.work import convert_lead
from lead_svc.domain.lead import LIFECYCLE, Status
from lead_svc.storage import Leads

consumer = Consumer("lead-svc")


@consumer.on(DealOpened, loads={Leads: lambda fact: (fact.lead_id,) if fact.lead_id else ()})
async def convert(fact: DealOpened, tx: Transaction) -> None:
    """The deal that a lead asked for is open. One opened by hand brings parties to the register."""
    if fact.lead_id is None:
        learn_parties(fact.account, fact.contact, fact.opened_at, tx)
        return
    lead = await Leads(tx).find(fact.lead_id)
    if lead is None:
        raise DependencyMissing("lead", fact.lead_id)
    if LIFECYCLE.allows(lead.status, Status.CONVERTED):
        await convert_lead(lead, fact.deal_id, fact.number, tx)


@consumer.on(JourneySettled, loads={Leads: lambda fact: (fact.lead_id,) if fact.lead_id else ()})
async def settle(fact: JourneySettled, tx: Transaction) -> None:
    """What the lead earned in the end, so that channels can be judged by cash."""
    if fact.lead_id is None:
        return
    lead = await Leads(tx).find(fact.lead_id)
    if lead is None:
        raise DependencyMissing("lead", fact.lead_id)
    if lead.settled_at is None:
        await Leads(tx).save(lead.settle(earned=fact.earned, at=fact.settled_at))
