"""Taking over deals from another system."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, ValidationError

from chassis.http import ApiModel, Tx
from chassis.problems import field_errors
from contracts.asked import AskedOwner
from contracts.instants import PastInstant
from contracts.money import NonNegativeMoney
from deal_svc.api.doors import Importer, deal_router
from deal_svc.commands.open import MovedDeal, take_over

router = deal_router()


class MovedForm(ApiModel):
    """A deal as another system knew it."""

    source_system: str = Field(min_length=1, max_length=100)
    external_id: str = Field(min_length=1, max_length=200)
    owner: AskedOwner | None = None
    account: str | None = Field(default=None, max_length=200)
    product: str = Field(min_length=1, max_length=100)
    stage: Literal["prospecting", "engaging", "won", "lost"]
    value: NonNegativeMoney | None = None
    engaged_at: PastInstant | None = None
    closed_at: PastInstant | None = None


class MovedBatch(ApiModel):
    deals: list[Any] = Field(max_length=2_000)


class RowResult(BaseModel):
    row: int
    outcome: str
    deal_id: UUID | None = None
    number: str | None = None
    keys: list[str] = []
    """In a dry run: what an accepted row will be recognised by."""
    errors: list[dict[str, str]] = []


class BatchResult(BaseModel):
    """``rows = accepted + duplicates + refused``, always."""

    rows: int
    accepted: int
    duplicates: int
    refused: int
    results: list[RowResult]


@router.post("/deals/batch", operation_id="takeOverDeals")
async def take_over_deals(
    _: Importer, tx: Tx, form: MovedBatch, *, dry_run: bool = False
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
    for (n, deal), one in zip(good, moved, strict=True):
        keys = [deal.key] if dry_run and one.outcome == "accepted" else []
        results[n] = RowResult(row=n, keys=keys, **one.model_dump())
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
        return [e.model_dump() for e in field_errors(error.errors(include_url=False)[:20])]
    if form.stage == "won":
        for name in ("account", "value", "closed_at"):
            if getattr(form, name) is None:
                return [{"pointer": f"/{name}", "detail": "a won deal needs it"}]
    return []
