"""Contracts as people look at them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlmodel import select

from chassis import sight
from chassis.domain import NotFound
from chassis.pagination import Page, next_cursor, page_of
from chassis.tables import table_of
from chassis.transaction import Transaction
from contract_svc.domain.contract import Contract
from contract_svc.storage import ContractRow, ContractTextRow


class ContractView(Contract, frozen=True):
    """A contract, with the revision that updates must name."""

    revision: int


class SigningView(BaseModel):
    """What a party sees behind their link."""

    number: str
    status: str
    customer: str
    text: str
    text_hash: str
    signed_by: tuple[str, ...]


def view(row: Any) -> ContractView:
    return ContractView.model_validate({**row.body, "revision": row.revision})


async def show_contract(contract_id: UUID, tx: Transaction) -> ContractView:
    return view(await sight.one(tx, ContractRow, contract_id, "contract"))


async def show_text(contract_id: UUID, tx: Transaction) -> str:
    await sight.one(tx, ContractRow, contract_id, "contract")
    row = await tx.session.get(ContractTextRow, contract_id)
    if row is None:
        raise NotFound(f"no contract {contract_id}")
    return row.text


async def signing_view(contract: Contract, tx: Transaction) -> SigningView:
    return SigningView(
        number=contract.number,
        status=contract.status.value,
        customer=contract.account.name,
        text=await show_text(contract.id, tx),
        text_hash=contract.text_hash,
        signed_by=tuple(s.party for s in contract.signatures),
    )


async def list_contracts(
    tx: Transaction,
    *,
    status: str | None,
    deal: UUID | None,
    journey: UUID | None,
    cursor: str | None,
    limit: int,
) -> Page[ContractView]:
    table = table_of(ContractRow)
    query = sight.narrow(select(ContractRow), ContractRow, tx.actor)
    for column, value in (
        (table.c.status, status),
        (table.c.deal_id, deal),
        (table.c.journey_id, journey),
    ):
        if value is not None:
            query = query.where(column == value)
    query = page_of(query, table.c.created_at, table.c.id, cursor=cursor, limit=limit)
    rows = list((await tx.session.exec(query)).all())
    following = next_cursor(rows, "created_at", limit)
    return Page(items=[view(row) for row in rows], next=following)
