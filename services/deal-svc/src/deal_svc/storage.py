"""Deals, and what was moved from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Index, MetaData, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from chassis.repository import Repository
from chassis.tables import NAMING, AggregateRow
from contracts.journey import DEAL_GATES
from deal_svc.domain.deal import Deal


class Row(SQLModel, registry=registry()):
    """Base of deal-svc's own tables."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)


class DealRow(Row, AggregateRow, table=True):
    __tablename__ = "deal"

    status: str = Field(sa_type=Text, index=True)
    stage: str = Field(sa_type=Text, index=True)
    owner_sub: str | None = Field(default=None, sa_type=Text, index=True)
    account_name: str | None = Field(default=None, sa_type=Text)
    product: str | None = Field(default=None, sa_type=Text)
    amount_minor: int | None = Field(default=None, sa_type=BigInteger)
    currency: str = Field(sa_type=Text)
    opened_at: datetime = Field(index=True)
    closed_at: datetime | None = None


class ExternalRow(Row, table=True):
    """A deal's name in the system it was moved from; its primary key keeps it from coming twice."""

    __tablename__ = "external_deal"

    key: str = Field(sa_type=Text, primary_key=True)
    deal_id: UUID
    number: str = Field(sa_type=Text)


class ActivityRow(Row, table=True):
    """Something that was done, or is to be done, about a deal."""

    __tablename__ = "activity"
    __table_args__ = (Index("ix_activity_deal_id_recorded_at", "deal_id", "recorded_at", "id"),)

    id: UUID = Field(primary_key=True)
    deal_id: UUID
    kind: str = Field(sa_type=Text)
    note: str = Field(sa_type=Text)
    due_at: datetime | None = None
    done_at: datetime | None = None
    by_sub: str = Field(sa_type=Text)
    by_name: str = Field(sa_type=Text)
    recorded_at: datetime


class Deals(Repository[Deal]):
    aggregate = Deal
    row = DealRow
    gates = DEAL_GATES

    def columns(self, aggregate: Deal) -> Mapping[str, Any]:
        amount = aggregate.amount
        return {
            "status": aggregate.status.value,
            "stage": aggregate.stage.value,
            "owner_sub": aggregate.owner.sub if aggregate.owner else None,
            "account_name": aggregate.account.name if aggregate.account else None,
            "product": aggregate.lines[0].sku if aggregate.lines else None,
            "amount_minor": None if amount is None else amount.minor,
            "currency": aggregate.currency if amount is None else amount.currency,
            "opened_at": aggregate.opened_at,
            "closed_at": aggregate.closed_at,
        }
