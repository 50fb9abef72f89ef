"""What was done about a lead."""

from __future__ import annotations

from uuid import UUID

from fastapi import Response
from pydantic import Field

from chassis.http import ApiModel, Tx
from chassis.pagination import Cursor, Limit, Page
from contracts.instants import PastInstant
from lead_svc import queries
from lead_svc.api.doors import Looker, Seller, answer, lead_router
from lead_svc.commands import activities
from lead_svc.domain.activity import Activity, Kind

router = lead_router()


class ActivityForm(ApiModel):
    """A call, e-mail or meeting that took place, or a note."""

    kind: Kind = Field(examples=["call"])
    note: str = Field(min_length=1, max_length=2000)
    happened_at: PastInstant | None = None


class ContactNote(ApiModel):
    note: str = Field(min_length=1, max_length=2000)
    kind: Kind = Kind.CALL
    happened_at: PastInstant | None = None


@router.post("/leads/{lead_id}/activities", status_code=201, operation_id="logLeadActivity")
async def log_activity(_: Seller, tx: Tx, lead_id: UUID, form: ActivityForm) -> Activity:
    """Log what was done about a lead. The first contact with an assigned one makes it contacted."""
    command = activities.LogActivity(lead_id=lead_id, **form.model_dump())
    return await activities.log_activity(command, tx)


@router.get("/leads/{lead_id}/activities", operation_id="listLeadActivities")
async def list_activities(
    _: Looker, tx: Tx, lead_id: UUID, cursor: Cursor = None, limit: Limit = 50
) -> Page[Activity]:
    """What was done about a lead, the latest logged first."""
    return await queries.list_activities(lead_id, tx, cursor=cursor, limit=limit)


@router.post("/leads/{lead_id}/contact", operation_id="contactLead")
async def contact(
    _: Seller, tx: Tx, lead_id: UUID, form: ContactNote, response: Response
) -> queries.LeadView:
    """Log the first contact with an assigned lead; refused when it is not waited for."""
    command = activities.LogActivity(lead_id=lead_id, **form.model_dump())
    return answer(await activities.contact_lead(command, tx), tx, response)
