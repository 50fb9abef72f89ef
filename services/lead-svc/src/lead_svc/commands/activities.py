"""Logging what was done about a lead."""

from __future__ import annotations

from uuid import UUID

from pydantic import AwareDatetime, BaseModel

from chassis.transaction import Transaction
from contracts.ids import new_id
from lead_svc.domain.activity import Activity, Kind
from lead_svc.domain.lead import Lead, Status
from lead_svc.storage import ActivityRow, Leads


class LogActivity(BaseModel, frozen=True):
    lead_id: UUID
    kind: Kind
    note: str
    happened_at: AwareDatetime | None = None


async def log_activity(command: LogActivity, tx: Transaction) -> Activity:
    """Log it; the first contact with an assigned lead makes it contacted."""
    leads = Leads(tx)
    lead = await leads.get(command.lead_id)
    lead.must_be_itself()
    activity = _logged(command, tx)
    if lead.status is Status.ASSIGNED and activity.is_contact:
        await leads.save(lead.contact_made(activity))
    return activity


async def contact_lead(command: LogActivity, tx: Transaction) -> Lead:
    """Log the first contact that an assigned lead waits for."""
    leads = Leads(tx)
    contacted = (await leads.get(command.lead_id)).contact_made(_logged(command, tx))
    return await leads.save(contacted)


def _logged(command: LogActivity, tx: Transaction) -> Activity:
    activity = Activity(
        id=new_id(),
        lead_id=command.lead_id,
        kind=command.kind,
        note=command.note,
        happened_at=command.happened_at or tx.now,
        by_sub=tx.actor.sub,
        by_name=tx.actor.name,
        recorded_at=tx.now,
    )
    tx.insert(ActivityRow, **activity.model_dump())
    return activity
