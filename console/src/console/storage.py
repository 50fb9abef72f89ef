"""What the console keeps: every fact by journey, the numbers people know, and spans."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, MetaData, SmallInteger, Text
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
    payload: str = Field(sa_type=Text)
    """The fact's JSON as it came: shown, never searched, so it is not taken apart to be kept."""


class JourneyKeyRow(Row, table=True):
    """Anything a person may paste: a business number, a bank reference, an aggregate's id."""

    __tablename__ = "journey_key"

    key: str = Field(sa_type=Text, primary_key=True)
    journey_id: UUID = Field(primary_key=True)


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
