"""What the console keeps: every fact by journey, the numbers people know, and spans."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    Text,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from chassis.tables import APPEND_ONLY, NAMING


class Row(SQLModel, registry=registry()):
    """Base of the console's own tables."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)


class JourneyEventRow(Row, table=True):
    """One fact as it was said."""

    __tablename__ = "journey_event"
    __table_args__ = (
        Index("ix_journey_event_seen_at", "seen_at", postgresql_using="brin"),
        APPEND_ONLY,
    )

    journey_id: UUID = Field(primary_key=True)
    event_id: UUID = Field(primary_key=True, index=True)
    type: str = Field(sa_type=Text)
    source: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    sequence: int = Field(sa_type=BigInteger)
    said_at: datetime
    seen_at: datetime
    causation_id: UUID | None = None
    trace_id: str | None = Field(default=None, sa_type=Text, index=True)
    kafka_partition: int | None = Field(default=None, sa_type=SmallInteger)
    kafka_offset: int | None = Field(default=None, sa_type=BigInteger)
    """Where it stands on its topic; none where it came from an event log instead."""
    payload: str = Field(sa_type=Text)
    """The fact's JSON as it came: shown, never searched, so it is not taken apart to be kept."""


class JourneyKeyRow(Row, table=True):
    """Anything a person may paste: a business number, a bank reference, an aggregate's id."""

    __tablename__ = "journey_key"
    __table_args__ = (
        Index(
            "ix_journey_key_upper",
            func.upper(literal_column("key")).label("shouted"),
            postgresql_ops={"shouted": "text_pattern_ops"},
        ),
    )

    key: str = Field(sa_type=Text, primary_key=True)
    journey_id: UUID = Field(primary_key=True)


class UnfoldedRow(Row, table=True):
    """A fact that its journey's summary does not tell of yet."""

    __tablename__ = "unfolded"

    journey_id: UUID = Field(primary_key=True)
    event_id: UUID = Field(primary_key=True)


class JourneyRow(Row, table=True):
    """A journey in one row, folded from all its facts (`folding`): what lists choose and sort by.
    What they show is folded when it is asked for."""

    __tablename__ = "journey"
    __table_args__ = (
        Index("ix_journey_last_fact_at", "last_fact_at", "journey_id"),
        Index(
            "ix_journey_breach_at",
            text("coalesce(due_at, last_fact_at)"),
            "journey_id",
            postgresql_where=text("state = 'open'"),
        ),
    )

    journey_id: UUID = Field(primary_key=True)
    customer: str | None = Field(default=None, sa_type=Text)
    stage: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    """``open``, ``settled`` or ``ended``."""
    gate_stage: str | None = Field(default=None, sa_type=Text)
    waits_for: str | None = Field(default=None, sa_type=Text)
    """Who must act at the gate that is due first; none while nobody is waited for."""
    due_at: datetime | None = None
    seller: str | None = Field(default=None, sa_type=Text)
    seller_team: str | None = Field(default=None, sa_type=Text)
    last_fact_at: datetime


class SpanRow(Row, table=True):
    """One span received over OTLP."""

    __tablename__ = "span"

    trace_id: str = Field(sa_type=Text, primary_key=True)
    span_id: str = Field(sa_type=Text, primary_key=True)
    parent_span_id: str | None = Field(default=None, sa_type=Text)
    name: str = Field(sa_type=Text)
    kind: int = Field(sa_type=SmallInteger)
    service: str = Field(sa_type=Text)
    started_ns: int = Field(sa_type=BigInteger)
    duration_ns: int = Field(sa_type=BigInteger)
    failed: bool
    journey_id: str | None = Field(default=None, sa_type=Text, index=True)
    attributes: dict[str, Any] = Field(sa_type=JSONB)
    received_at: datetime = Field(index=True)


class BrowserSessionRow(Row, table=True):
    """Somebody who signed in with a browser."""

    __tablename__ = "browser_session"

    key: bytes = Field(sa_type=LargeBinary, primary_key=True)
    sealed: str = Field(sa_type=Text)
    opened_at: datetime
    expires_at: datetime
