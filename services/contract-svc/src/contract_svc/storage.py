"""Contracts, their texts, and the clause library."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import MetaData, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from chassis.repository import Repository
from chassis.tables import APPEND_ONLY, NAMING, AggregateRow
from chassis.transaction import Transaction
from contract_svc.domain.contract import Contract
from contract_svc.domain.text import Clause
from contracts.journey import CONTRACT_GATES


class Row(SQLModel, registry=registry()):
    """Base of contract-svc's own tables."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)


class ContractRow(Row, AggregateRow, table=True):
    __tablename__ = "contract"

    status: str = Field(sa_type=Text, index=True)
    deal_id: UUID = Field(index=True)
    quote_id: UUID = Field(index=True)
    account_name: str = Field(sa_type=Text)
    text_hash: str = Field(sa_type=Text)
    signed_at: datetime | None = Field(default=None, index=True)


class ContractTextRow(Row, table=True):
    """The wording, written once. A trigger keeps it as it is."""

    __tablename__ = "contract_text"
    __table_args__ = (APPEND_ONLY,)

    contract_id: UUID = Field(primary_key=True)
    text: str = Field(sa_type=Text)
    text_hash: str = Field(sa_type=Text)
    written_at: datetime


class ClauseRow(Row, table=True):
    """One version of one clause of the library."""

    __tablename__ = "clause"
    __table_args__ = ({"comment": "seed", **APPEND_ONLY},)

    clause_id: str = Field(sa_type=Text, primary_key=True)
    version: int = Field(primary_key=True)
    title_zh: str = Field(sa_type=Text)
    title_en: str = Field(sa_type=Text)
    text_zh: str = Field(sa_type=Text)
    text_en: str = Field(sa_type=Text)


class Contracts(Repository[Contract]):
    aggregate = Contract
    row = ContractRow
    gates = CONTRACT_GATES

    def columns(self, aggregate: Contract) -> Mapping[str, Any]:
        return {
            "status": aggregate.status.value,
            "deal_id": aggregate.deal_id,
            "quote_id": aggregate.quote_id,
            "account_name": aggregate.account.name,
            "text_hash": aggregate.text_hash,
            "signed_at": aggregate.signed_at,
        }


CACHE_S = 2.0
_library: dict[int, tuple[float, dict[str, Clause]]] = {}


async def clause_library(tx: Transaction) -> dict[str, Clause]:
    """The newest version of every clause, by id; at most two seconds old."""
    key = id(tx.database)
    cached = _library.get(key)
    if cached and cached[0] > time.monotonic():
        return cached[1]
    rows = await tx.read(
        "SELECT DISTINCT ON (clause_id) clause_id, version, title_zh, title_en, text_zh, text_en"
        " FROM clause ORDER BY clause_id, version DESC"
    )
    clauses = {row["clause_id"]: Clause.model_validate(dict(row)) for row in rows}
    _library[key] = (time.monotonic() + CACHE_S, clauses)
    return clauses


def forget_clauses() -> None:
    """Read them anew, after a change."""
    _library.clear()
