"""Which records a person sees: sellers what is theirs, their team's, or nobody's; others all.

Decided in the query, so that lists, counts and sums leave out what is not to be seen, and a record
of others is as one that does not exist (404).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from sqlalchemy import or_
from sqlmodel import select

from chassis.auth import Actor
from chassis.domain import NotFound
from chassis.tables import AggregateRow, table_of
from contracts.parties import Owner
from contracts.roles import ROLES, SELLERS

if TYPE_CHECKING:
    from chassis.transaction import Transaction

R = TypeVar("R", bound=AggregateRow)

SEEN = """(NOT $1::boolean OR body->'owner'->>'sub' IS NULL OR body->'owner'->>'sub' = $2
 OR body->'owner'->>'team' = ANY($3::text[]))"""
"""A condition on a table of aggregates, for statements in SQL; its parameters: `parameters`."""


_UNLIMITED = (ROLES.keys() - SELLERS) | {"system"}


def is_limited(actor: Actor) -> bool:
    """Whether a person has no role that sees everything. Roles that we do not know give nothing."""
    return not actor.roles & _UNLIMITED


def sees(actor: Actor, owner: Owner | None) -> bool:
    """Whether somebody may see what this person owns."""
    if owner is None or not is_limited(actor):
        return True
    return owner.sub == actor.sub or owner.team in actor.teams


def parameters(actor: Actor) -> tuple[bool, str, list[str]]:
    return is_limited(actor), actor.sub, sorted(actor.teams)


def narrow(query: Any, row: type[AggregateRow], actor: Actor) -> Any:
    """The query without what is not to be seen."""
    if not is_limited(actor):
        return query
    owner = table_of(row).c.body["owner"]
    sub, team = owner["sub"].astext, owner["team"].astext
    return query.where(or_(sub.is_(None), sub == actor.sub, team.in_(sorted(actor.teams))))


async def one(tx: Transaction, row: type[R], row_id: UUID, what: str) -> R:
    """The row, for reading. Raises NotFound, also when it is others' to see."""
    query = narrow(select(row).where(table_of(row).c.id == row_id), row, tx.actor)
    found: R | None = (await tx.session.exec(query)).one_or_none()
    if found is None:
        raise NotFound(f"no {what} {row_id}")
    return found
