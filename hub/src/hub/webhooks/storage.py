"""Endpoints, their secrets, what is to be delivered, and every attempt."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index, Text
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from hub.storage import Row


class EndpointRow(Row, table=True):
    """Where a subscriber wants facts posted, and which."""

    __tablename__ = "endpoint"
    __table_args__ = (Index("ix_endpoint_subscriber", "subscriber"),)

    id: UUID = Field(primary_key=True)
    subscriber: str = Field(sa_type=Text)
    url: str = Field(sa_type=Text)
    description: str = Field(sa_type=Text)
    types: list[str] = Field(sa_type=ARRAY(Text))
    """As asked for: a pattern takes in what is first said tomorrow. Empty: all."""
    stages: list[str] = Field(sa_type=ARRAY(Text))
    owners: list[str] = Field(sa_type=ARRAY(Text))
    least_minor: int | None = Field(default=None, sa_type=BigInteger)
    currency: str | None = Field(default=None, sa_type=Text)
    ordered: bool
    """Whether a fact waits for the earlier ones of its aggregate."""
    from_position: int = Field(sa_type=BigInteger)
    """It gets what the feed has behind this; what was before only when asked for."""
    enabled: bool
    notice: str | None = Field(default=None, sa_type=Text)
    """Why it was switched off."""
    failing_since: datetime | None = None
    """When the failures began that nothing has interrupted."""
    quiet_until: datetime | None = None
    """Until when its receiver asked to be left alone."""
    revision: int = Field(sa_type=BigInteger)
    created_at: datetime


class EndpointSecretRow(Row, table=True):
    """What deliveries to an endpoint are signed with; two while one replaces the other."""

    __tablename__ = "endpoint_secret"
    __table_args__ = (Index("ix_endpoint_secret_endpoint_id", "endpoint_id"),)

    id: UUID = Field(primary_key=True)
    endpoint_id: UUID
    scheme: str = Field(sa_type=Text)
    sealed: str = Field(sa_type=Text)
    public_key: str | None = Field(default=None, sa_type=Text)
    created_at: datetime
    expires_at: datetime | None = None


class DeliveryRow(Row, table=True):
    """One fact for one endpoint. Its body is made from the feed when it is sent."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index("ix_delivery_due", "endpoint_id", "next_at", postgresql_where=sql("turn")),
        Index(
            "ix_delivery_pending",
            "endpoint_id",
            "subject",
            "position",
            postgresql_where=sql("state = 'pending'"),
        ),
        Index("ix_delivery_created_at", "endpoint_id", "created_at", "event_id"),
        Index("ix_delivery_ended_at", "ended_at", postgresql_where=sql("ended_at IS NOT NULL")),
        Index(
            "ix_delivery_replay_id",
            "replay_id",
            "state",
            postgresql_where=sql("replay_id IS NOT NULL"),
        ),
    )

    endpoint_id: UUID = Field(primary_key=True)
    event_id: UUID = Field(primary_key=True)
    position: int = Field(sa_type=BigInteger)
    """Where the feed has it; 0 for a test event, which the feed does not have."""
    seen_at: datetime
    subject: UUID
    type: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    turn: bool
    """Pending, and nothing that must go before it is. So what waits its turn costs nothing."""
    attempts: int
    next_at: datetime
    lease: UUID | None = None
    """Who sends it now; a lease that has run out is anybody's."""
    leased_until: datetime | None = None
    created_at: datetime
    ended_at: datetime | None = None
    replay_id: UUID | None = None
    """The replay that it was last asked for by."""

    @property
    def id(self) -> UUID:
        """By which pages go on."""
        return self.event_id


class AttemptRow(Row, table=True):
    """One attempt, with what was sent and what came back, as far as the log keeps it."""

    __tablename__ = "attempt"
    __table_args__ = (
        Index("ix_attempt_endpoint_id_event_id", "endpoint_id", "event_id"),
        Index("ix_attempt_at", "at"),
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    endpoint_id: UUID
    event_id: UUID
    at: datetime
    duration_ms: int
    outcome: str = Field(sa_type=Text)
    status: int | None = None
    url: str = Field(sa_type=Text)
    request_headers: dict[str, Any] = Field(sa_type=JSONB)
    request_body: str = Field(sa_type=Text)
    response_headers: dict[str, Any] = Field(sa_type=JSONB)
    response_body: str = Field(sa_type=Text)
    error: str = Field(sa_type=Text)


class ReplayRow(Row, table=True):
    """A part of the feed that an endpoint gets again, and how far it has come. Whoever changes one
    holds ``fan_out``."""

    __tablename__ = "replay"
    __table_args__ = (
        Index("ix_replay_endpoint_id", "endpoint_id", "created_at", "id"),
        Index("ix_replay_running", "looked_at", postgresql_where=sql("state = 'running'")),
    )

    id: UUID = Field(primary_key=True)
    endpoint_id: UUID
    types: list[str] = Field(sa_type=ARRAY(Text))
    """Patterns, beside those of the endpoint. Empty: all that it wants."""
    subject: UUID | None = None
    journey_id: UUID | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None
    from_position: int = Field(sa_type=BigInteger)
    """It is of what the feed has behind this, …"""
    to_position: int = Field(sa_type=BigInteger)
    """… up to this."""
    position: int = Field(sa_type=BigInteger)
    """So far it has come."""
    matched: int = Field(sa_type=BigInteger)
    queued: int = Field(sa_type=BigInteger)
    """Of what matched; the rest was on its way already."""
    state: str = Field(sa_type=Text)
    asked_by: str = Field(sa_type=Text)
    created_at: datetime
    looked_at: datetime
    """When it last had its turn."""
    ended_at: datetime | None = None


class FanOutRow(Row, table=True):
    """How far the feed has been dealt out to endpoints. Whoever holds it is the only one who
    changes what is pending."""

    __tablename__ = "fan_out"

    one: bool = Field(primary_key=True)
    position: int = Field(sa_type=BigInteger)
    at: datetime
