"""Logging what was done about a deal, and what is to be done."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel

from chassis.domain import Conflict, NotFound
from chassis.transaction import Transaction
from contracts.ids import new_id
from deal_svc.domain.activity import Activity, Kind
from deal_svc.storage import ActivityRow, Deals


class LogActivity(BaseModel, frozen=True):
    deal_id: UUID
    kind: Kind
    note: str
    due_at: AwareDatetime | None = None
    done_at: AwareDatetime | None = None


async def log_activity(command: LogActivity, tx: Transaction) -> Activity:
    """Log it. What has no due time has been done, now unless it says when."""
    await Deals(tx).get(command.deal_id)
    done_at = command.done_at or (None if command.due_at else tx.now)
    activity = Activity(
        id=new_id(),
        by_sub=tx.actor.sub,
        by_name=tx.actor.name,
        recorded_at=tx.now,
        **{**command.model_dump(), "done_at": done_at},
    )
    tx.insert(ActivityRow, **activity.model_dump())
    return activity


async def complete_activity(
    deal_id: UUID, activity_id: UUID, done_at: datetime | None, tx: Transaction
) -> Activity:
    """What was to be done has been done."""
    await Deals(tx).get(deal_id)
    row = await tx.session.get(ActivityRow, activity_id, with_for_update=True)
    if row is None or row.deal_id != deal_id:
        raise NotFound(f"no activity {activity_id}")
    if row.done_at is not None:
        raise Conflict(f"it was done at {row.done_at}")
    row.done_at = done_at or tx.now
    return Activity.model_validate(row, from_attributes=True)
