"""The rows that the mechanics keep in every service's database, and the base of a service's own.

Their DDL is `chassis.schema`; a test holds the two against each other.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


APPEND_ONLY: dict[str, Any] = {"info": {"append_only": True}}
"""For ``__table_args__``: rows are written once and kept. The role that serves may not change or
delete them (`chassis.roles`)."""


def table_of(row: type[SQLModel]) -> Table:
    """The table behind a row class."""
    table: Table = row.__table__  # type: ignore[attr-defined]
    return table


class ChassisRow(SQLModel, registry=registry()):
    """Base of the tables that exist in every service's database."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)


class AggregateRow(SQLModel):
    """The columns every aggregate's table has; the aggregate itself is ``body``.

    ``version`` counts the facts said (it is the next fact's ``ce_sequence`` less one), ``revision``
    the times saved (it is the ETag). A service adds the columns that its queries filter by.
    """

    id: UUID = Field(primary_key=True)
    journey_id: UUID = Field(index=True)
    number: str = Field(sa_type=Text, index=True)
    version: int = Field(sa_type=BigInteger)
    revision: int = Field(sa_type=BigInteger)
    created_at: datetime
    updated_at: datetime
    body: dict[str, Any] = Field(sa_type=JSONB)


class OutboxRow(ChassisRow, table=True):
    """A fact that was said and is not yet in Kafka. Columns follow Debezium's outbox router."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_shard_seq", "shard", "seq"),)

    seq: int = Field(sa_column=Column(BigInteger, Identity(always=True, cache=1), primary_key=True))
    id: UUID
    shard: int = Field(sa_type=SmallInteger)
    topic: str = Field(sa_type=Text)
    key: str = Field(sa_type=Text)
    aggregatetype: str = Field(sa_type=Text)
    aggregateid: str = Field(sa_type=Text)
    aggregate_version: int = Field(sa_type=BigInteger)
    type: str = Field(sa_type=Text)
    headers: dict[str, str] = Field(sa_type=JSONB)
    payload: bytes = Field(sa_type=LargeBinary)
    created_at: datetime


class OutboxShardRow(ChassisRow, table=True):
    """One lockable row per shard: whoever holds it is the only publisher of its keys."""

    __tablename__ = "outbox_shard"

    shard: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))


class OutboxDeadRow(ChassisRow, table=True):
    """A fact that Kafka refuses for good (too large, unknown topic). Its key is blocked."""

    __tablename__ = "outbox_dead"

    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    id: UUID
    topic: str = Field(sa_type=Text)
    key: str = Field(sa_type=Text, index=True)
    type: str = Field(sa_type=Text)
    headers: dict[str, str] = Field(sa_type=JSONB)
    payload: bytes = Field(sa_type=LargeBinary)
    created_at: datetime
    died_at: datetime
    error: str = Field(sa_type=Text)
    skipped_at: datetime | None = None
    """When a person let the key go on without it."""


class EventLogRow(ChassisRow, table=True):
    """A fact that Kafka acknowledged: append-only, one partition a day, for replay."""

    __tablename__ = "event_log"
    __table_args__ = (
        Index("ix_event_log_aggregateid", "aggregateid"),
        {"postgresql_partition_by": "RANGE (published_at)", **APPEND_ONLY},
    )

    published_at: datetime = Field(primary_key=True)
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    id: UUID
    topic: str = Field(sa_type=Text)
    key: str = Field(sa_type=Text)
    aggregateid: str = Field(sa_type=Text)
    aggregate_version: int = Field(sa_type=BigInteger)
    type: str = Field(sa_type=Text)
    headers: dict[str, str] = Field(sa_type=JSONB)
    payload: bytes = Field(sa_type=LargeBinary)
    created_at: datetime


class InboxRow(ChassisRow, table=True):
    """A message whose effect is in this database. Partitioned by the time inside the event id."""

    __tablename__ = "inbox"
    __table_args__ = ({"postgresql_partition_by": "RANGE (event_id)"},)

    consumer: str = Field(sa_type=Text, primary_key=True)
    event_id: UUID = Field(primary_key=True)
    received_at: datetime


class ParkedKeyRow(ChassisRow, table=True):
    """A key whose messages wait in order, because its first one cannot be handled now."""

    __tablename__ = "parked_key"
    __table_args__ = (
        Index(
            "ix_parked_key_due",
            "consumer",
            "next_retry_at",
            postgresql_where=sql("status = 'retrying'"),
        ),
        Index("ix_parked_key_wake_key", "wake_key", postgresql_where=sql("wake_key IS NOT NULL")),
    )

    consumer: str = Field(sa_type=Text, primary_key=True)
    topic: str = Field(sa_type=Text, primary_key=True)
    key: str = Field(sa_type=Text, primary_key=True)
    status: str = Field(sa_type=Text)
    """``retrying``, ``dead`` when only a person can help, ``held`` until a person lets go."""
    attempts: int
    next_retry_at: datetime
    error_class: str = Field(sa_type=Text)
    error: str = Field(sa_type=Text)
    wake_key: str | None = Field(default=None, sa_type=Text)
    trace_id: str | None = Field(default=None, sa_type=Text)
    parked_at: datetime


class ParkedMessageRow(ChassisRow, table=True):
    """A message that waits, with its bytes and headers as they came."""

    __tablename__ = "parked_message"
    __table_args__ = (
        Index("uq_parked_message_event", "consumer", "event_id", unique=True),
        Index("ix_parked_message_key", "consumer", "topic", "key", "id"),
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    consumer: str = Field(sa_type=Text)
    event_id: UUID
    """The event's id; for bytes that hold none, one derived from topic, partition and offset."""
    topic: str = Field(sa_type=Text)
    key: str = Field(sa_type=Text)
    partition: int
    kafka_offset: int = Field(sa_type=BigInteger)
    type: str | None = Field(default=None, sa_type=Text)
    headers: list[list[str | None]] = Field(sa_type=JSONB)
    """Name and base64 value of each header; a null value stays null."""
    raw: bytes | None = Field(default=None, sa_type=LargeBinary)
    state: str = Field(sa_type=Text)
    """``waiting``, ``dead``, ``skipped``, ``edited`` (another took its place), ``done``."""
    error: str | None = Field(default=None, sa_type=Text)
    journey_id: UUID | None = Field(default=None, index=True)
    parked_at: datetime
    tries: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSONB)
    """What came of each try, oldest first: `chassis.tries`."""


class GateRow(ChassisRow, table=True):
    """One wait of one aggregate: who must act, by when, and how it ended."""

    __tablename__ = "gate"
    __table_args__ = (
        Index(
            "ix_gate_due_at",
            "due_at",
            postgresql_where=sql("cleared_at IS NULL AND overdue_at IS NULL"),
        ),
    )

    aggregate_id: UUID = Field(primary_key=True)
    name: str = Field(sa_type=Text, primary_key=True)
    opened_at: datetime = Field(primary_key=True)
    aggregate: str = Field(sa_type=Text)
    """The table of the aggregate, so that the sweeper finds its repository."""
    journey_id: UUID = Field(index=True)
    number: str = Field(sa_type=Text)
    owner: str = Field(sa_type=Text)
    due_at: datetime
    overdue_at: datetime | None = None
    cleared_at: datetime | None = None
    cleared_by: str | None = Field(default=None, sa_type=Text)
    evidence: str | None = Field(default=None, sa_type=Text)


class SubscriptionRow(ChassisRow, table=True):
    """A topic that a consumer has been started on. Only one that is not here yet may be given
    offsets: for any other, missing offsets are a loss, and the consumer stops, not guesses. And as
    ``topic/type``, since when it hears a type of fact."""

    __tablename__ = "subscription"

    consumer: str = Field(sa_type=Text, primary_key=True)
    topic: str = Field(sa_type=Text, primary_key=True)
    since: datetime


class TimerFailureRow(ChassisRow, table=True):
    """A row that a timer cannot handle: it is left out until its next try, and others go on."""

    __tablename__ = "timer_failure"

    timer: str = Field(sa_type=Text, primary_key=True)
    row_id: UUID = Field(primary_key=True)
    error_class: str = Field(sa_type=Text)
    error: str = Field(sa_type=Text)
    failed_at: datetime
    last_failed_at: datetime
    tries: int
    next_at: datetime


class NumberSeriesRow(ChassisRow, table=True):
    """The next number of a series that may have no gaps: locked by whoever takes one."""

    __tablename__ = "number_series"

    series: str = Field(sa_type=Text, primary_key=True)
    next_value: int = Field(sa_type=BigInteger)
