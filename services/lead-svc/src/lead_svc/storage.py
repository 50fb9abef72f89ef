"""Leads, the keys that tell duplicates, and the register of parties."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Index, MetaData, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from chassis.repository import Repository
from chassis.tables import APPEND_ONLY, NAMING, AggregateRow
from contracts.journey import LEAD_GATES
from lead_svc.domain.lead import Lead


class Row(SQLModel, registry=registry()):
    """Base of lead-svc's own tables."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)


class LeadRow(Row, AggregateRow, table=True):
    __tablename__ = "lead"

    status: str = Field(sa_type=Text, index=True)
    channel: str = Field(sa_type=Text)
    owner_sub: str | None = Field(default=None, sa_type=Text, index=True)
    captured_at: datetime = Field(index=True)


CURRENT = 2
"""The rule of `lead_svc.domain.identity.keys_of`. Another rule needs a migration."""


class DedupeRow(Row, table=True):
    """One key by which a lead is recognised; its primary key decides races."""

    __tablename__ = "dedupe_key"
    __table_args__ = (Index("ix_dedupe_key_earlier", "lead_id", postgresql_where=text("rule = 1")),)

    key: str = Field(sa_type=Text, primary_key=True)
    lead_id: UUID
    number: str = Field(sa_type=Text)
    rule: int = Field(default=1, sa_type=SmallInteger, sa_column_kwargs={"server_default": "1"})
    """The rule that derived the key: `CURRENT`, 1 for the rule before, 0 for a key of the rule
    before that the current one does not derive. Version 0.1 still looks at the latter."""


class CandidateRow(Row, table=True):
    """A key that several leads may share: a person decides whether they are one."""

    __tablename__ = "candidate_key"
    __table_args__ = (Index("ix_candidate_key_lead_id", "lead_id"),)

    key: str = Field(sa_type=Text, primary_key=True)
    lead_id: UUID = Field(primary_key=True)
    number: str = Field(sa_type=Text)


class PartyRow(Row, table=True):
    """A customer company or person. ``name``, ``email`` and ``phone`` are personal for persons."""

    __tablename__ = "party"

    id: UUID = Field(primary_key=True)
    kind: str = Field(sa_type=Text)
    key: str = Field(sa_type=Text, unique=True)
    """What it is recognised by: company name key, e-mail, phone."""
    name: str = Field(sa_type=Text)
    email: str | None = Field(default=None, sa_type=Text)
    phone: str | None = Field(default=None, sa_type=Text)
    domain: str | None = Field(default=None, sa_type=Text)
    first_seen_at: datetime


class ImportRow(Row, table=True):
    """A file that was taken in, and what became of each of its rows."""

    __tablename__ = "lead_import"
    __table_args__ = (Index("ix_lead_import_imported_at", "imported_at", "id"), APPEND_ONLY)

    id: UUID = Field(primary_key=True)
    file_name: str = Field(sa_type=Text)
    imported_by: str = Field(sa_type=Text)
    imported_at: datetime
    report: dict[str, Any] = Field(sa_type=JSONB)


class ActivityRow(Row, table=True):
    """Something that was done about a lead."""

    __tablename__ = "activity"
    __table_args__ = (Index("ix_activity_lead_id_recorded_at", "lead_id", "recorded_at", "id"),)

    id: UUID = Field(primary_key=True)
    lead_id: UUID
    kind: str = Field(sa_type=Text)
    note: str = Field(sa_type=Text)
    happened_at: datetime
    by_sub: str = Field(sa_type=Text)
    by_name: str = Field(sa_type=Text)
    recorded_at: datetime


class Leads(Repository[Lead]):
    aggregate = Lead
    row = LeadRow
    gates = LEAD_GATES

    def columns(self, aggregate: Lead) -> Mapping[str, Any]:
        return {
            "status": aggregate.status.value,
            "channel": aggregate.origin.channel,
            "owner_sub": aggregate.owner.sub if aggregate.owner else None,
            "captured_at": aggregate.captured_at,
        }
