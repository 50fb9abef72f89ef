"""Who did what to what, and why: append-only rows, written with the effect they tell of."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Index, Text
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis.auth import Actor
from chassis.tables import APPEND_ONLY, ChassisRow
from chassis.transaction import Transaction
from contracts.ids import new_id


class AuditRow(ChassisRow, table=True):
    """One act of one person or system."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_journey_id", "journey_id", postgresql_where=sql("journey_id IS NOT NULL")),
        APPEND_ONLY,
    )

    id: UUID = Field(primary_key=True)
    at: datetime
    actor_sub: str = Field(sa_type=Text)
    actor_name: str = Field(sa_type=Text)
    action: str = Field(sa_type=Text)
    object_type: str = Field(sa_type=Text)
    object_id: str = Field(sa_type=Text, index=True)
    before: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    after: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    reason: str = Field(sa_type=Text)
    journey_id: UUID | None = None
    """The journey that the act was done to, where it was done to one."""


def audit(
    tx: Transaction,
    actor: Actor,
    action: str,
    object_type: str,
    object_id: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
    journey_id: UUID | None = None,
) -> None:
    """Record an act, in the transaction that carries it out."""
    tx.insert(
        AuditRow,
        id=new_id(),
        at=tx.now,
        actor_sub=actor.sub,
        actor_name=actor.name,
        action=action,
        object_type=object_type,
        object_id=object_id,
        before=orjson.dumps(before).decode() if before is not None else None,
        after=orjson.dumps(after).decode() if after is not None else None,
        reason=reason,
        journey_id=journey_id,
    )
