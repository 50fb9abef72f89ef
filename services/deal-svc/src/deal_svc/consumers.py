"""What deal-svc hears: leads worth a deal, and how the later stages get on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from chassis.consumer import Consumer
from chassis.domain import DependencyMissing
from chassis.transaction import Transaction
from contracts.billing import InvoiceOverdue, JourneySettled
from contracts.contract import (
    ContractDeclined,
    ContractSigned,
    ContractTerminated,
    ContractWithdrawn,
)
from contracts.ids import DealId, derived_id
from contracts.lead import LeadMerged, LeadQualified
from contracts.quote import QuoteAccepted, QuoteDeclined, QuoteExpired, QuoteSent
from deal_svc.commands.open import open_from_lead
from deal_svc.domain.deal import LIFECYCLE, Deal, Outcome, Stage, Status
from deal_svc.policies import Pipeline, policies
from deal_svc.storage import Deals

consumer = Consumer("deal-svc")


def of_lead(fact: LeadQualified | LeadMerged) -> DealId:
    """The one deal that a lead can ask for."""
    return DealId(derived_id(fact.lead_id, "deal"))


def of_deal(fact: Any) -> DealId:
    deal_id: DealId = fact.deal_id
    return deal_id


async def known(fact: Any, tx: Transaction) -> Deal:
    deal = await Deals(tx).find(fact.deal_id)
    if deal is None:
        raise DependencyMissing("deal", fact.deal_id)
    return deal


async def follow(fact: Any, tx: Transaction, stage: Stage) -> None:
    """Show in the pipeline what a later stage did."""
    deal = await known(fact, tx)
    moved, change = deal.follow(stage, at=tx.now)
    if change is not None:
        await Deals(tx).save(moved)
        tx.publish(change)


@consumer.on(LeadQualified, loads={Deals: of_lead})
async def open_deal(fact: LeadQualified, tx: Transaction) -> None:
    """A qualified lead becomes exactly one deal, however often we hear of it."""
    if await Deals(tx).find(of_lead(fact)) is None:
        await open_from_lead(fact, of_lead(fact), tx)


@consumer.on(LeadMerged, loads={Deals: of_lead})
async def repoint(fact: LeadMerged, tx: Transaction) -> None:
    """The lead behind a deal was a duplicate: point at the one it was folded into."""
    deal = await Deals(tx).find(of_lead(fact))
    if deal is not None and deal.lead_id == fact.lead_id:
        await Deals(tx).save(deal.model_copy(update={"lead_id": fact.into_lead_id}))


@consumer.on(QuoteSent, loads={Deals: of_deal})
async def negotiate(fact: QuoteSent, tx: Transaction) -> None:
    """The offer is with the customer. On the express way it is accepted at once, and the
    acceptance is what the pipeline shows."""
    deal = await known(fact, tx)
    if deal.web_order is None and deal.imported is None:
        await follow(fact, tx, Stage.NEGOTIATION)


@consumer.on(QuoteAccepted, loads={Deals: of_deal})
async def go_contracting(fact: QuoteAccepted, tx: Transaction) -> None:
    deal = await known(fact, tx)
    if deal.web_order is None and deal.imported is None:
        await follow(fact, tx, Stage.CONTRACTING)


@consumer.on(ContractSigned, loads={Deals: of_deal})
async def win(fact: ContractSigned, tx: Transaction) -> None:
    """Won follows the signature."""
    deal = await known(fact, tx)
    if not LIFECYCLE.allows(deal.status, Status.WON):
        return
    outcome = Outcome(
        contract_id=fact.contract_id,
        contract_number=fact.number,
        net=fact.totals.net,
        gross=fact.totals.gross,
    )
    won, said = deal.win(outcome, at=fact.signed_at)
    await Deals(tx).save(won)
    tx.publish(said)


async def back_to_negotiation(fact: Any, tx: Transaction) -> None:
    """The customer did not take it as it was; the owner must ask anew or give up."""
    deal = await known(fact, tx)
    moved, change = deal.follow(Stage.NEGOTIATION, at=tx.now)
    if moved.status is Status.OPEN:
        ruling = await policies.get(tx, "pipeline", Pipeline)
        within = timedelta(hours=ruling.rules.proposal_within_hours)
        await Deals(tx).save(moved.await_proposal(at=tx.now, within=within))
        if change is not None:
            tx.publish(change)


consumer.on(QuoteDeclined, loads={Deals: of_deal})(back_to_negotiation)
consumer.on(QuoteExpired, loads={Deals: of_deal})(back_to_negotiation)
consumer.on(ContractDeclined, loads={Deals: of_deal})(back_to_negotiation)
consumer.on(ContractWithdrawn, loads={Deals: of_deal})(back_to_negotiation)


@consumer.on(ContractTerminated, loads={Deals: of_deal})
async def note_termination(fact: ContractTerminated, tx: Transaction) -> None:
    """A won deal stays won; what it earned will tell."""
    deal = await known(fact, tx)
    await Deals(tx).save(deal.model_copy(update={"reason": fact.reason}))


@consumer.on(InvoiceOverdue, loads={Deals: of_deal})
async def note_overdue(fact: InvoiceOverdue, tx: Transaction) -> None:
    """The owner sees that the customer is late."""
    deal = await known(fact, tx)
    await Deals(tx).save(deal.model_copy(update={"overdue_invoice": fact.number}))


@consumer.on(JourneySettled, loads={Deals: of_deal})
async def settle(fact: JourneySettled, tx: Transaction) -> None:
    """What the deal earned in the end."""
    deal = await known(fact, tx)
    if deal.outcome is None:
        raise DependencyMissing("deal", fact.deal_id)
    if deal.outcome.settled_at is None:
        settled = deal.settle(earned=fact.earned, at=fact.settled_at)
        await Deals(tx).save(settled.model_copy(update={"overdue_invoice": None}))
