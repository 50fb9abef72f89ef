"""What quote-svc hears: what to price, and which deals were given up."""

from __future__ import annotations

from typing import Any

from chassis.consumer import Consumer
from chassis.transaction import Transaction
from contracts.deal import DealLost, DealReopened, ProposalRequested
from quote_svc.commands.offer import draft_offer, quote_id_of, withdraw
from quote_svc.storage import Quotes

consumer = Consumer("quote-svc")


def of_deal(fact: Any) -> Any:
    return quote_id_of(fact.deal_id)


@consumer.on(ProposalRequested, loads={Quotes: of_deal})
async def draft_quote(fact: ProposalRequested, tx: Transaction) -> None:
    """Each request becomes one version, however often we hear of it."""
    await draft_offer(fact, tx)


@consumer.on(DealLost, loads={Quotes: of_deal})
async def withdraw_quote(fact: DealLost, tx: Transaction) -> None:
    """Nothing is offered for a deal that was given up."""
    await withdraw(fact.deal_id, fact.reason, tx)


@consumer.on(DealReopened, loads={Quotes: of_deal})
async def start_anew(fact: DealReopened, tx: Transaction) -> None:
    """A deal that lives again is offered anew: nothing from before is still open."""
    await withdraw(fact.deal_id, fact.reason, tx)
