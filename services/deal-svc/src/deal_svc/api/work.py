"""Working on deals."""

from __future__ import annotations

from uuid import UUID

from fastapi import Response
from pydantic import Field

from chassis.http import ApiModel, Revision, Tx, refuse_stale
from contracts.asked import MOST_LINES, AskedLine, AskedTerms, CurrencyCode
from contracts.instants import DueDay, DueInstant
from deal_svc import queries
from deal_svc.api.doors import Manager, Seller, answer, deal_router
from deal_svc.commands import work
from deal_svc.domain.deal import Stage
from deal_svc.storage import Deals

router = deal_router()


class NeedsForm(ApiModel):
    lines: tuple[AskedLine, ...] = Field(min_length=1, max_length=MOST_LINES)
    payment_terms: AskedTerms = AskedTerms(kind="on_delivery")
    currency: CurrencyCode = "CNY"


class ProposalForm(ApiModel):
    send_when_approved: bool = True


class StageForm(ApiModel):
    stage: Stage
    expected_close: DueDay | None = None


class LossForm(ApiModel):
    reason: str = Field(min_length=1, max_length=500)
    competitor: str | None = Field(default=None, max_length=200)


class ReasonForm(ApiModel):
    reason: str = Field(min_length=1, max_length=500)


class HoldForm(ApiModel):
    reason: str = Field(min_length=1, max_length=500)
    until: DueInstant


@router.put("/deals/{deal_id}/needs", operation_id="recordNeeds")
async def needs(
    _: Seller, tx: Tx, deal_id: UUID, form: NeedsForm, seen: Revision, response: Response
) -> queries.DealView:
    """What the customer wants, in products and payment terms."""
    await Deals(tx).get(deal_id)
    refuse_stale(seen, tx, deal_id)
    deal = await work.record_needs(deal_id, form.lines, form.payment_terms, form.currency, tx)
    return answer(deal, tx, response)


@router.post("/deals/{deal_id}/proposal-request", operation_id="requestProposal")
async def request_proposal(
    _: Seller, tx: Tx, deal_id: UUID, form: ProposalForm, response: Response
) -> queries.DealView:
    """Ask for an offer; again for the next version of it."""
    deal = await work.request_proposal(deal_id, send=form.send_when_approved, tx=tx)
    return answer(deal, tx, response)


@router.put("/deals/{deal_id}/stage", operation_id="moveDeal")
async def move(
    _: Seller, tx: Tx, deal_id: UUID, form: StageForm, seen: Revision, response: Response
) -> queries.DealView:
    """Move within the pipeline; forward only when the checklist is done."""
    await Deals(tx).get(deal_id)
    refuse_stale(seen, tx, deal_id)
    return answer(await work.move_stage(deal_id, form.stage, form.expected_close, tx), tx, response)


@router.post("/deals/{deal_id}/loss", operation_id="loseDeal")
async def lose(
    _: Seller, tx: Tx, deal_id: UUID, form: LossForm, response: Response
) -> queries.DealView:
    """Give it up, with a reason; what is open in later stages is withdrawn."""
    return answer(await work.lose_deal(deal_id, form.reason, form.competitor, tx), tx, response)


@router.post("/deals/{deal_id}/reopening", operation_id="reopenDeal")
async def reopen(
    _: Manager, tx: Tx, deal_id: UUID, form: ReasonForm, response: Response
) -> queries.DealView:
    """Bring a lost deal back; a manager's decision."""
    return answer(await work.reopen_deal(deal_id, form.reason, tx), tx, response)


@router.post("/deals/{deal_id}/hold", operation_id="holdDeal")
async def hold(
    _: Seller, tx: Tx, deal_id: UUID, form: HoldForm, response: Response
) -> queries.DealView:
    """Let it rest until a day; then its owner is reminded."""
    return answer(await work.hold_deal(deal_id, form.reason, form.until, tx), tx, response)


@router.post("/deals/{deal_id}/resumption", operation_id="resumeDeal")
async def resume(_: Seller, tx: Tx, deal_id: UUID, response: Response) -> queries.DealView:
    """Go on with a deal that rested."""
    return answer(await work.resume_deal(deal_id, tx), tx, response)
