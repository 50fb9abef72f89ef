"""Working on deals: needs, proposal, stage, hold, loss, reopening."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from chassis.transaction import Transaction
from contracts.terms import PaymentTerms, WantedLine
from deal_svc.domain.deal import Deal, Stage
from deal_svc.policies import Pipeline, policies
from deal_svc.storage import Deals


async def record_needs(
    deal_id: UUID,
    lines: tuple[WantedLine, ...],
    terms: PaymentTerms,
    currency: str,
    tx: Transaction,
) -> Deal:
    deals = Deals(tx)
    deal = await deals.get(deal_id)
    ruling = await policies.get(tx, "pipeline", Pipeline)
    within = timedelta(hours=ruling.rules.proposal_within_hours)
    needed, change = deal.record_needs(
        lines, terms, currency, by=tx.actor.sub, at=tx.now, within=within
    )
    await deals.save(needed)
    if change is not None:
        tx.publish(change)
    return needed


async def request_proposal(deal_id: UUID, *, send: bool, tx: Transaction) -> Deal:
    deals = Deals(tx)
    deal = await deals.get(deal_id)
    ruling = await policies.get(tx, "pipeline", Pipeline)
    change = None
    if deal.is_before(Stage.PROPOSAL):
        deal, change = deal.move_to(Stage.PROPOSAL, by=tx.actor.sub, at=tx.now)
    asked, fact = deal.request_proposal(
        by=tx.actor.sub, at=tx.now, validity_days=ruling.rules.validity_days, send=send
    )
    await deals.save(asked)
    if change is not None:
        tx.publish(change)
    tx.publish(fact)
    return asked


async def move_stage(
    deal_id: UUID, stage: Stage, expected_close: date | None, tx: Transaction
) -> Deal:
    deals = Deals(tx)
    deal = await deals.get(deal_id)
    if expected_close is not None:
        deal = deal.expect_close(expected_close, today=tx.now.date())
    moved, fact = deal.move_to(stage, by=tx.actor.sub, at=tx.now)
    await deals.save(moved)
    tx.publish(fact)
    return moved


async def lose_deal(deal_id: UUID, reason: str, competitor: str | None, tx: Transaction) -> Deal:
    deals = Deals(tx)
    deal = await deals.get(deal_id)
    lost, fact = deal.lose(reason=reason, competitor=competitor, by=tx.actor.sub, at=tx.now)
    await deals.save(lost)
    tx.publish(fact)
    return lost


async def reopen_deal(deal_id: UUID, reason: str, tx: Transaction) -> Deal:
    deals = Deals(tx)
    deal = await deals.get(deal_id)
    ruling = await policies.get(tx, "pipeline", Pipeline)
    within = timedelta(hours=ruling.rules.proposal_within_hours)
    reopened, fact = deal.reopen(reason=reason, by=tx.actor.sub, at=tx.now, within=within)
    await deals.save(reopened)
    tx.publish(fact)
    return reopened


async def hold_deal(deal_id: UUID, reason: str, until: datetime, tx: Transaction) -> Deal:
    deals = Deals(tx)
    deal = await deals.get(deal_id)
    return await deals.save(deal.hold(reason=reason, until=until, by=tx.actor.sub, at=tx.now))


async def resume_deal(deal_id: UUID, tx: Transaction) -> Deal:
    deals = Deals(tx)
    deal = await deals.get(deal_id)
    ruling = await policies.get(tx, "pipeline", Pipeline)
    within = timedelta(hours=ruling.rules.proposal_within_hours)
    return await deals.save(deal.resume(by=tx.actor.sub, at=tx.now, within=within))
