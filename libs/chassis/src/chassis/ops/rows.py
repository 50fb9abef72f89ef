"""What is kept of acts that take longer than one request: edits that two agree on, acts on many."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, LargeBinary, Text
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis.tables import ChassisRow


class PayloadEditRow(ChassisRow, table=True):
    """Another payload for a message that waits, as one person proposed it and another decided."""

    __tablename__ = "payload_edit"
    __table_args__ = (Index("ix_payload_edit_status", "status", "id"),)

    id: UUID = Field(primary_key=True)
    consumer: str = Field(sa_type=Text)
    topic: str = Field(sa_type=Text)
    key: str = Field(sa_type=Text)
    type: str = Field(sa_type=Text)
    event_id: UUID
    """The message as it came."""
    new_event_id: UUID | None = None
    """The message that took its place, once approved."""
    journey_id: UUID
    status: str = Field(sa_type=Text)
    """``proposed``, ``approved``, ``rejected``."""
    payload: bytes = Field(sa_type=LargeBinary)
    diff: list[dict[str, Any]] = Field(sa_type=JSONB)
    reason: str = Field(sa_type=Text)
    proposed_by: str = Field(sa_type=Text)
    proposed_by_name: str = Field(sa_type=Text)
    proposed_at: datetime
    decided_by: str | None = Field(default=None, sa_type=Text)
    decided_by_name: str | None = Field(default=None, sa_type=Text)
    decided_at: datetime | None = None


class BulkRunRow(ChassisRow, table=True):
    """One act on many keys, and how fast it may go."""

    __tablename__ = "bulk_run"
    __table_args__ = (
        Index("ix_bulk_run_due", "next_at", postgresql_where=sql("status = 'running'")),
    )

    id: UUID = Field(primary_key=True)
    action: str = Field(sa_type=Text)
    fingerprint: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    actor_sub: str = Field(sa_type=Text)
    actor_name: str = Field(sa_type=Text)
    per_second: int
    status: str = Field(sa_type=Text)
    """``proposed``, ``running``, ``paused``, ``cancelled``, ``done``."""
    next_at: datetime
    """When the next keys may be acted on."""
    created_at: datetime
    finished_at: datetime | None = None


class BulkItemRow(ChassisRow, table=True):
    """One key of such an act, and the message it waited at when the act was asked for."""

    __tablename__ = "bulk_item"

    run_id: UUID = Field(primary_key=True)
    n: int = Field(primary_key=True)
    topic: str = Field(sa_type=Text)
    key: str = Field(sa_type=Text)
    event_id: UUID
    outcome: str | None = Field(default=None, sa_type=Text)
    """None until its turn has come."""
    acted_at: datetime | None = None
