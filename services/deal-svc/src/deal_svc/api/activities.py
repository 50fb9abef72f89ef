"""What was done about a deal, and what is to be done."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from chassis.http import ApiModel, Tx
from chassis.pagination import Cursor, Limit, Page
from contracts.instants import DueInstant, PastInstant
from deal_svc import queries
from deal_svc.api.doors import Looker, Seller, deal_router
from deal_svc.commands import activities
from deal_svc.domain.activity import Activity, Kind

router = deal_router()


class ActivityForm(ApiModel):
    """Without a due time it has been done: at ``done_at``, or now."""

    kind: Kind = Field(examples=["call"])
    note: str = Field(min_length=1, max_length=2000)
    due_at: DueInstant | None = None
    done_at: PastInstant | None = None


class CompletionForm(ApiModel):
    done_at: PastInstant | None = None


@router.post("/deals/{deal_id}/activities", status_code=201, operation_id="logActivity")
async def log_activity(_: Seller, tx: Tx, deal_id: UUID, form: ActivityForm) -> Activity:
    """Log a call, e-mail, meeting or note, or plan one."""
    command = activities.LogActivity(deal_id=deal_id, **form.model_dump())
    return await activities.log_activity(command, tx)


@router.get("/deals/{deal_id}/activities", operation_id="listActivities")
async def list_activities(
    _: Looker,
    tx: Tx,
    deal_id: UUID,
    *,
    to_do: bool = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[Activity]:
    """What was done and is to be done about a deal, the latest logged first."""
    return await queries.list_activities(deal_id, tx, to_do=to_do, cursor=cursor, limit=limit)


@router.post(
    "/deals/{deal_id}/activities/{activity_id}/completion", operation_id="completeActivity"
)
async def complete_activity(
    _: Seller, tx: Tx, deal_id: UUID, activity_id: UUID, form: CompletionForm
) -> Activity:
    """What was to be done has been done."""
    return await activities.complete_activity(deal_id, activity_id, form.done_at, tx)
