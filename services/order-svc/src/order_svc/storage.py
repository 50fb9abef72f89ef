"""Orders, and the references by which the ERP's reports are recognised."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import MetaData, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from chassis.repository import Repository
from chassis.tables import NAMING, AggregateRow
from contracts.journey import ORDER_GATES
from order_svc.domain.order import ERP, Order


class Row(SQLModel, registry=registry()):
    """Base of order-svc's own tables."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)


class OrderRow(Row, AggregateRow, table=True):
    __tablename__ = "sales_order"

    status: str = Field(sa_type=Text, index=True)
    held: str | None = Field(default=None, sa_type=Text)
    contract_id: UUID = Field(unique=True)
    account_name: str = Field(sa_type=Text)
    awaits_erp: bool = Field(index=True)
    promised_on: date


class Orders(Repository[Order]):
    aggregate = Order
    row = OrderRow
    gates = ORDER_GATES

    def columns(self, aggregate: Order) -> Mapping[str, Any]:
        return {
            "status": aggregate.status.value,
            "held": aggregate.held,
            "contract_id": aggregate.contract_id,
            "account_name": aggregate.account.name,
            "awaits_erp": aggregate.gate(ERP) is not None and aggregate.held is None,
            "promised_on": aggregate.promised_on,
        }
