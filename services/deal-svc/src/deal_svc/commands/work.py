"""Working on deals: needs, proposal, stage, loss, reopening, activities."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from chassis.transaction import Transaction
from contracts.ids import new_id
from contracts.terms import PaymentTerms, WantedLine
from deal_svc.domain.deal import Deal, Stage
from deal_svc.policies import Pipeline, policies
from deal_svc.storage import ActivityRow, Deals


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
    asked, fact = deal.request_proposal(
        by=tx.actor.sub, at=tx.now, validity_days=ruling.rules.validity_days, send=send
    )
    await deals.save(asked)
    tx.publish(fact)
    return asked


async def move_stage(
    deal_id: UUID, stage: Stage, expected_close: date | None, tx: Transaction
) -> Deal:
    deals = Deals(tx)
    deal = await deals.get(deal_id)
    if expected_close is not None:
        deal = deal.model_copy(update={"expected_close": expected_close})
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


async def log_activity(
    deal_id: UUID, kind: str, note: str, due_at: datetime | None, *, done: bool, tx: Transaction
) -> UUID:
    await Deals(tx).get(deal_id)
    activity_id = new_id()
    tx.insert(
        ActivityRow,
        id=activity_id,
        deal_id=deal_id,
        kind=kind,
        note=note,
        due_at=due_at,
        done_at=tx.now if done else None,
        by_sub=tx.actor.sub,
        by_name=tx.actor.name,
        recorded_at=tx.now,
    )
    return activity_id
