"""What the hub keeps: every fact in one order, who may hear what, and what aggregates are now."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index, Integer, MetaData, SmallInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from chassis.tables import APPEND_ONLY, NAMING


class Row(SQLModel, registry=registry()):
    """Base of the hub's own tables."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)


class FeedRow(Row, table=True):
    """One fact at its place in the feed. Places are given in the order of commits: whoever has
    read up to one has missed none before it."""

    __tablename__ = "feed"
    __table_args__ = (
        Index("ix_feed_position", "position"),
        Index("ix_feed_subject", "subject", "position"),
        Index("ix_feed_journey_id", "journey_id", "position"),
        {"postgresql_partition_by": "RANGE (seen_at)", **APPEND_ONLY},
    )

    seen_at: datetime = Field(primary_key=True)
    position: int = Field(
        sa_column=Column(BigInteger, Identity(always=True, cache=1), primary_key=True)
    )
    event_id: UUID
    type: str = Field(sa_type=Text)
    stage: str = Field(sa_type=Text)
    subject: UUID
    sequence: int = Field(sa_type=BigInteger)
    journey_id: UUID
    owner: str | None = Field(default=None, sa_type=Text)
    """Whose work it is, where the fact says so: the subject of their token."""
    amount_minor: int | None = Field(default=None, sa_type=BigInteger)
    """What it is about in money, where the fact says so: its amount, or its total with tax."""
    currency: str | None = Field(default=None, sa_type=Text)
    said_at: datetime
    partition: int
    """With the offset: where in the stage's topic it stands."""
    kafka_offset: int = Field(sa_type=BigInteger)
    envelope: str = Field(sa_type=Text)
    """The CloudEvent without its data, as JSON text."""
    data: str = Field(sa_type=Text)
    """The fact's JSON as it came."""


class FeedFloorRow(Row, table=True):
    """The last place of the feed that is kept no more."""

    __tablename__ = "feed_floor"

    id: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    position: int = Field(sa_type=BigInteger)


class SnapshotRow(Row, table=True):
    """An aggregate as its facts tell of it: their data merged in order of sequence."""

    __tablename__ = "snapshot"
    __table_args__ = (Index("ix_snapshot_partition", "stage", "partition", "kafka_offset"),)

    stage: str = Field(sa_type=Text, primary_key=True)
    aggregate_id: UUID = Field(primary_key=True)
    journey_id: UUID
    sequence: int = Field(sa_type=BigInteger)
    event_id: UUID
    """The last fact that is in it."""
    said_at: datetime
    partition: int
    kafka_offset: int = Field(sa_type=BigInteger)
    data: str = Field(sa_type=Text)


class SubscriberRow(Row, table=True):
    """What somebody outside may hear. Who is not here hears facts without personal data."""

    __tablename__ = "subscriber"

    name: str = Field(sa_type=Text, primary_key=True)
    """The subject of their token."""
    personal: bool
    stages: list[str] | None = Field(default=None, sa_type=ARRAY(Text))
    """Of these stages only; none: of all."""
    changed_at: datetime


class OldReaderRow(Row, table=True):
    """Whom the feed gave a version that ends or has a successor."""

    __tablename__ = "old_reader"

    subscriber: str = Field(sa_type=Text, primary_key=True)
    """The subject of their token."""
    type: str = Field(sa_type=Text, primary_key=True)
    pattern: str | None = Field(default=None, sa_type=Text)
    """What in their question named the type; none: they ask for every type."""
    last_at: datetime


class FoldRow(Row, table=True):
    """How far the feed is folded into snapshots."""

    __tablename__ = "fold"

    id: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    position: int = Field(sa_type=BigInteger)
    at: datetime
    """When the last fact that is folded came in."""


class StatePartitionRow(Row, table=True):
    """How far the states of a partition have been said at Kafka."""

    __tablename__ = "state_partition"

    stage: str = Field(sa_type=Text, primary_key=True)
    partition: int = Field(sa_type=Integer, primary_key=True)
    folded: int = Field(sa_type=BigInteger)
    """Up to this offset of the stage's topic every fact is in the snapshots."""
    said: int = Field(sa_type=BigInteger)
    """Up to this one, changed states were said."""
    whole: int = Field(sa_type=BigInteger)
    """Up to this one every fact is in what was said: what the next states may claim, once Kafka has
    acknowledged the last."""
