"""The doors of deal-svc."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from chassis.auth import Actor, roles
from chassis.http import ApiModel, Revision, TransactionalRoute, Tx, etag, refuse_stale
from chassis.pagination import Cursor, Limit, Page
from chassis.policies import policy_router
from contracts.ids import AccountId, new_id
from contracts.money import NonNegativeMoney
from contracts.parties import Account, Contact, Owner
from contracts.terms import Origin, PaymentTerms, WantedLine
from deal_svc import queries
from deal_svc.commands import work
from deal_svc.commands.open import MovedDeal, OpenDeal, open_by_hand, take_over
from deal_svc.domain.deal import Deal, Stage
from deal_svc.policies import policies
from deal_svc.storage import Deals

SALES = ("sales_rep", "sales_manager", "account_manager", "admin")

router = APIRouter(route_class=TransactionalRoute, tags=["deals"])
seller = Annotated[Actor, Depends(roles(*SALES))]
manager = Annotated[Actor, Depends(roles("sales_manager", "admin"))]
importer = Annotated[Actor, Depends(roles("integration_import", "admin"))]
looker = Annotated[Actor, Depends(roles(*SALES, "auditor", "ops", "finance", "order_desk"))]


class DealForm(ApiModel):
    """A deal opened by hand."""

    title: str = Field(min_length=1, max_length=200)
    account: str = Field(min_length=1, max_length=200, description="the customer company's name")
    account_id: UUID | None = None
    contact: Contact | None = None
    origin: Origin = Origin(channel="manual")
    owner: Owner | None = None
    amount: NonNegativeMoney | None = None
    lines: tuple[WantedLine, ...] = ()
    payment_terms: PaymentTerms | None = None
    currency: str = Field(default="CNY", pattern="^[A-Z]{3}$")


class MovedForm(ApiModel):
    """A deal as another system knew it."""

    source_system: str = Field(min_length=1, max_length=100)
    external_id: str = Field(min_length=1, max_length=200)
    owner: Owner | None = None
    account: str | None = Field(default=None, max_length=200)
    product: str = Field(min_length=1, max_length=100)
    stage: Literal["prospecting", "engaging", "won", "lost"]
    value: NonNegativeMoney | None = None
    engaged_at: AwareDatetime | None = None
    closed_at: AwareDatetime | None = None


class MovedBatch(ApiModel):
    deals: list[Any] = Field(max_length=2_000)


class RowResult(BaseModel):
    row: int
    outcome: str
    deal_id: UUID | None = None
    number: str | None = None
    errors: list[dict[str, str]] = []


class BatchResult(BaseModel):
    """``rows = accepted + duplicates + refused``, always."""

    rows: int
    accepted: int
    duplicates: int
    refused: int
    results: list[RowResult]


class NeedsForm(ApiModel):
    lines: tuple[WantedLine, ...] = Field(min_length=1, max_length=200)
    payment_terms: PaymentTerms = PaymentTerms(kind="on_delivery")
    currency: str = Field(default="CNY", pattern="^[A-Z]{3}$")


class ProposalForm(ApiModel):
    send_when_approved: bool = True


class StageForm(ApiModel):
    stage: Stage
    expected_close: date | None = None


class LossForm(ApiModel):
    reason: str = Field(min_length=1, max_length=500)
    competitor: str | None = Field(default=None, max_length=200)


class ReasonForm(ApiModel):
    reason: str = Field(min_length=1, max_length=500)


class ActivityForm(ApiModel):
    kind: str = Field(min_length=1, max_length=40, examples=["call"])
    note: str = Field(min_length=1, max_length=2000)
    due_at: AwareDatetime | None = None
    done: bool = False


def _answer(deal: Deal, tx: Tx, response: Response) -> queries.DealView:
    revision = tx.revision_of(deal.id)
    response.headers["ETag"] = etag(revision)
    return queries.DealView.model_validate({**deal.model_dump(), "revision": revision})


@router.post("/deals", status_code=201, operation_id="openDeal")
async def open_deal(_: seller, tx: Tx, form: DealForm, response: Response) -> queries.DealView:
    """Open a deal that no lead came before."""
    account = Account(account_id=AccountId(form.account_id or new_id()), name=form.account)
    values = {name: getattr(form, name) for name in OpenDeal.model_fields if name != "account"}
    deal = await open_by_hand(OpenDeal(account=account, **values), tx)
    response.headers["Location"] = f"/deals/{deal.id}"
    return _answer(deal, tx, response)


@router.post("/deals/batch", operation_id="takeOverDeals")
async def take_over_deals(
    _: importer, tx: Tx, form: MovedBatch, *, dry_run: bool = False
) -> BatchResult:
    """Take over deals from another system and say of each what became of it. A dry run says the
    same and changes nothing."""
    if dry_run:
        tx.rollback_only()
    results: dict[int, RowResult] = {}
    good: list[tuple[int, MovedDeal]] = []
    for n, row in enumerate(form.deals):
        errors = _errors(row)
        if errors:
            results[n] = RowResult(row=n, outcome="refused", errors=errors)
        else:
            good.append((n, MovedDeal.model_validate(MovedForm.model_validate(row).model_dump())))
    moved = await take_over([deal for _n, deal in good], tx) if good else []
    for (n, _row), one in zip(good, moved, strict=True):
        results[n] = RowResult(row=n, **one.model_dump())
    ordered = [results[n] for n in range(len(form.deals))]
    counts = {o: sum(r.outcome == o for r in ordered) for o in ("accepted", "duplicate", "refused")}
    return BatchResult(
        rows=len(ordered),
        accepted=counts["accepted"],
        duplicates=counts["duplicate"],
        refused=counts["refused"],
        results=ordered,
    )


def _errors(row: Any) -> list[dict[str, str]]:
    try:
        form = MovedForm.model_validate(row)
    except ValidationError as error:
        return [
            {"pointer": "/" + "/".join(map(str, e["loc"])), "detail": str(e["msg"])}
            for e in error.errors(include_url=False)[:20]
        ]
    if form.stage == "won":
        for name in ("account", "value", "closed_at"):
            if getattr(form, name) is None:
                return [{"pointer": f"/{name}", "detail": "a won deal needs it"}]
    return []


@router.get("/deals", operation_id="listDeals")
async def list_deals(
    _: looker,
    tx: Tx,
    status: str | None = None,
    stage: str | None = None,
    owner: str | None = None,
    account: str | None = None,
    journey: UUID | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[queries.DealView]:
    """Deals, the newest first."""
    return await queries.list_deals(
        tx,
        status=status,
        stage=stage,
        owner=owner,
        account=account,
        journey=journey,
        cursor=cursor,
        limit=limit,
    )


@router.get("/deals/pipeline", operation_id="showPipeline")
async def pipeline(_: looker, tx: Tx) -> list[queries.StageTotal]:
    """Count and amount of open deals by stage and currency."""
    return await queries.pipeline(tx)


@router.get("/deals/totals", operation_id="showTotals")
async def totals(
    _: looker, tx: Tx, by: Literal["owner", "product", "month"] = "owner"
) -> list[queries.Total]:
    """Count and value of won deals by owner, product or month of closing."""
    return await queries.totals(tx, by)


@router.get("/deals/{deal_id}", operation_id="showDeal")
async def show(_: looker, tx: Tx, deal_id: UUID, response: Response) -> queries.DealView:
    """One deal, with its revision as ETag."""
    deal = await queries.show_deal(deal_id, tx)
    response.headers["ETag"] = etag(deal.revision)
    return deal


@router.put("/deals/{deal_id}/needs", operation_id="recordNeeds")
async def needs(
    _: seller, tx: Tx, deal_id: UUID, form: NeedsForm, seen: Revision, response: Response
) -> queries.DealView:
    """What the customer wants, in products and payment terms."""
    await Deals(tx).get(deal_id)
    refuse_stale(seen, tx, deal_id)
    deal = await work.record_needs(deal_id, form.lines, form.payment_terms, form.currency, tx)
    return _answer(deal, tx, response)


@router.post("/deals/{deal_id}/proposal-request", operation_id="requestProposal")
async def request_proposal(
    _: seller, tx: Tx, deal_id: UUID, form: ProposalForm, response: Response
) -> queries.DealView:
    """Ask for an offer; again for the next version of it."""
    deal = await work.request_proposal(deal_id, send=form.send_when_approved, tx=tx)
    return _answer(deal, tx, response)


@router.put("/deals/{deal_id}/stage", operation_id="moveDeal")
async def move(
    _: seller, tx: Tx, deal_id: UUID, form: StageForm, seen: Revision, response: Response
) -> queries.DealView:
    """Move within the pipeline; forward only when the checklist is done."""
    await Deals(tx).get(deal_id)
    refuse_stale(seen, tx, deal_id)
    return _answer(
        await work.move_stage(deal_id, form.stage, form.expected_close, tx), tx, response
    )


@router.post("/deals/{deal_id}/loss", operation_id="loseDeal")
async def lose(
    _: seller, tx: Tx, deal_id: UUID, form: LossForm, response: Response
) -> queries.DealView:
    """Give it up, with a reason; what is open in later stages is withdrawn."""
    return _answer(await work.lose_deal(deal_id, form.reason, form.competitor, tx), tx, response)


@router.post("/deals/{deal_id}/reopening", operation_id="reopenDeal")
async def reopen(
    _: manager, tx: Tx, deal_id: UUID, form: ReasonForm, response: Response
) -> queries.DealView:
    """Bring a lost deal back; a manager's decision."""
    return _answer(await work.reopen_deal(deal_id, form.reason, tx), tx, response)


@router.post("/deals/{deal_id}/activities", status_code=201, operation_id="logActivity")
async def log_activity(_: seller, tx: Tx, deal_id: UUID, form: ActivityForm) -> dict[str, UUID]:
    """Note a call, meeting or task."""
    activity_id = await work.log_activity(
        deal_id, form.kind, form.note, form.due_at, done=form.done, tx=tx
    )
    return {"id": activity_id}


@router.get("/deals/{deal_id}/activities", operation_id="listActivities")
async def list_activities(_: looker, tx: Tx, deal_id: UUID) -> list[queries.Activity]:
    """What was done and is to be done about a deal."""
    return await queries.activities(deal_id, tx)


router.include_router(policy_router(policies, readers=SALES, changers=("sales_manager", "admin")))
