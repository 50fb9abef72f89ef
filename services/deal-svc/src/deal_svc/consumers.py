"""What deal-svc hears: leads worth a deal, and how the later stages get on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from chassis.consumer import Consumer
from chassis.domain import DependencyMissing
from chassis.transaction import Transaction
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
from contracts.ids import DealId, derived_id
from contracts.lead import LeadMerged, LeadQualified
from contracts.money import Money
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
from deal_svc.commands.open import open_from_lead
from deal_svc.domain.deal import LIFECYCLE, Deal, Stage, Status
from deal_svc.domain.later import Billed, Offer, Outcome
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


OFFER_STATUS: dict[type[Any], str] = {
    QuoteApprovalRequested: "pending_approval",
    QuoteApproved: "approved",
    QuoteRejected: "rejected",
    QuoteSent: "sent",
    QuoteAccepted: "accepted",
    QuoteDeclined: "declined",
    QuoteExpired: "expired",
    QuoteSuperseded: "superseded",
}


async def note_offer(fact: Any, tx: Transaction) -> None:
    """The owner sees how far the offer has come, and what it waits for."""
    deal = await known(fact, tx)
    offer = Offer(
        quote_id=fact.quote_id,
        number=fact.number,
        version=fact.version,
        status=OFFER_STATUS[type(fact)],
        note=getattr(fact, "reason", None) or getattr(fact, "limit", None),
    )
    await Deals(tx).save(deal.hear_of_offer(offer))


consumer.on(QuoteApprovalRequested, loads={Deals: of_deal})(note_offer)
consumer.on(QuoteApproved, loads={Deals: of_deal})(note_offer)
consumer.on(QuoteRejected, loads={Deals: of_deal})(note_offer)


@consumer.on(QuoteSent, loads={Deals: of_deal})
async def negotiate(fact: QuoteSent, tx: Transaction) -> None:
    """The offer is with the customer. On the express way it is accepted at once, and the
    signature is what the pipeline shows."""
    deal = await known(fact, tx)
    if deal.web_order is None and deal.imported is None:
        await note_offer(fact, tx)
        await follow(fact, tx, Stage.NEGOTIATION)


@consumer.on(QuoteAccepted, loads={Deals: of_deal})
async def go_contracting(fact: QuoteAccepted, tx: Transaction) -> None:
    deal = await known(fact, tx)
    if deal.web_order is None and deal.imported is None:
        await note_offer(fact, tx)
        await follow(fact, tx, Stage.CONTRACTING)


@consumer.on(ContractSigned, loads={Deals: of_deal})
async def win(fact: ContractSigned, tx: Transaction) -> None:
    """Won follows the signature, also where the deal was given up while the customer signed."""
    deal = await known(fact, tx)
    reopened = None
    if deal.status is Status.LOST:
        ruling = await policies.get(tx, "pipeline", Pipeline)
        deal, reopened = deal.reopen(
            reason=f"{fact.number} was signed",
            by=tx.actor.sub,
            at=tx.now,
            within=timedelta(hours=ruling.rules.proposal_within_hours),
        )
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
    if reopened is not None:
        tx.publish(reopened)
    tx.publish(said)


async def back_to_negotiation(fact: Any, tx: Transaction) -> None:
    """The customer did not take it as it was; the owner must ask anew or give up."""
    if type(fact) in OFFER_STATUS:
        await note_offer(fact, tx)
    deal = await known(fact, tx)
    moved, change = deal, None
    if not deal.is_before(Stage.NEGOTIATION):
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


@consumer.on(QuoteSuperseded, loads={Deals: of_deal})
async def note_superseded(fact: QuoteSuperseded, tx: Transaction) -> None:
    """The next version is in hand, unless the offer was taken back with nothing in its place."""
    if fact.by_version is None:
        await back_to_negotiation(fact, tx)
    else:
        await note_offer(fact, tx)


@consumer.on(ContractTerminated, loads={Deals: of_deal})
async def note_termination(fact: ContractTerminated, tx: Transaction) -> None:
    """A won deal stays won; what it earned will tell."""
    deal = await known(fact, tx)
    await Deals(tx).save(deal.model_copy(update={"reason": fact.reason}))


async def note_invoice(fact: Any, tx: Transaction, gross: Money, status: str, **told: Any) -> None:
    deal = await known(fact, tx)
    billed = Billed(
        invoice_id=fact.invoice_id, number=fact.number, gross=gross, status=status, **told
    )
    await Deals(tx).save(deal.hear_of_invoice(billed))


@consumer.on(InvoiceIssued, loads={Deals: of_deal})
async def note_issued(fact: InvoiceIssued, tx: Transaction) -> None:
    """The owner sees what the customer is asked to pay."""
    await note_invoice(fact, tx, fact.totals.gross, "issued", due_on=fact.due_on)


@consumer.on(InvoiceOverdue, loads={Deals: of_deal})
async def note_overdue(fact: InvoiceOverdue, tx: Transaction) -> None:
    """The owner sees that the customer is late."""
    await note_invoice(fact, tx, fact.outstanding, "overdue", due_on=fact.due_on)


@consumer.on(InvoicePaid, loads={Deals: of_deal})
async def note_paid(fact: InvoicePaid, tx: Transaction) -> None:
    """The owner sees that the customer has paid."""
    await note_invoice(fact, tx, fact.gross, "paid")


@consumer.on(InvoiceCredited, loads={Deals: of_deal})
async def note_credited(fact: InvoiceCredited, tx: Transaction) -> None:
    """The owner sees what was taken back."""
    await note_invoice(fact, tx, fact.amount, "credited", credited={fact.credit_note: fact.amount})


@consumer.on(JourneySettled, loads={Deals: of_deal})
async def settle(fact: JourneySettled, tx: Transaction) -> None:
    """What the deal earned in the end."""
    deal = await known(fact, tx)
    if deal.outcome is None:
        raise DependencyMissing("deal", fact.deal_id)
    if deal.outcome.settled_at is None:
        settled = deal.settle(earned=fact.earned, at=fact.settled_at)
        await Deals(tx).save(settled.model_copy(update={"overdue_invoice": None}))
