"""Who may hear what, as those who run the installation see and change it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from chassis import bulk
from chassis.audit import audit
from chassis.auth import Actor, roles
from chassis.http import ApiModel, TransactionalRoute, Tx

router = APIRouter(tags=["subscribers"], route_class=TransactionalRoute)
Stage = Literal["lead", "deal", "quote", "contract", "order", "billing"]

ROWS = "SELECT name, personal, stages, changed_at FROM subscriber ORDER BY name"
ROW = "SELECT personal, stages FROM subscriber WHERE name = $1 FOR UPDATE"
GRANT = """
INSERT INTO subscriber (name, personal, stages, changed_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO UPDATE SET personal = excluded.personal, stages = excluded.stages,
  changed_at = excluded.changed_at
"""


class Subscriber(BaseModel):
    """What the subscriber with this token's subject may hear."""

    name: str
    personal: bool
    stages: list[Stage] | None
    changed_at: datetime


class GrantChange(ApiModel):
    """The whole grant anew, and why."""

    personal: bool = False
    """Whether they get what schemas mark as personal. Only then may they read at Kafka, which
    cannot leave fields out."""
    stages: list[Stage] | None = Field(default=None, max_length=20)
    """Of these stages only; none: of all."""
    reason: str = Field(min_length=1, max_length=500)


@router.get("/subscribers", operation_id="listSubscribers")
async def list_subscribers(
    _: Annotated[Actor, Depends(roles("admin", "auditor"))], tx: Tx
) -> list[Subscriber]:
    """Everybody with a grant."""
    return [Subscriber.model_validate(dict(row)) for row in await tx.read(ROWS)]


@router.put("/subscribers/{name}", operation_id="changeGrant")
async def change_grant(
    name: str, change: GrantChange, actor: Annotated[Actor, Depends(roles("admin"))], tx: Tx
) -> Subscriber:
    """Say what a subscriber may hear. It holds from the next page they read."""
    row = await tx.scalar_row(ROW, name)
    before: dict[str, Any] | None = dict(row) if row else None
    after = change.model_dump(exclude={"reason"})
    await bulk.execute(tx.connection, GRANT, name, change.personal, change.stages, tx.now)
    audit(
        tx,
        actor,
        "change grant",
        "subscriber",
        name,
        before=before,
        after=after,
        reason=change.reason,
    )
    return Subscriber(name=name, changed_at=tx.now, **after)
