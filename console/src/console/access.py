"""Which journeys a person may see: row access as at the stages (`chassis.sight`), and no lead for
somebody whom lead-svc refuses."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from chassis import sight
from chassis.auth import Actor
from chassis.transaction import Transaction
from console.folding import Summary
from contracts.roles import READERS

VISIBLE = """(NOT $1::boolean OR seller IS NULL OR seller = $2 OR seller_team = ANY($3::text[]))
  AND ($4::boolean OR stage <> 'lead')"""
"""A condition on the table of journeys; its parameters: `parameters`."""

AMONG = f"SELECT journey_id FROM journey WHERE journey_id = ANY($5::uuid[]) AND {VISIBLE}"  # noqa: S608


def parameters(actor: Actor) -> tuple[bool, str, list[str], bool]:
    return (*sight.parameters(actor), reads_leads(actor))


def reads_leads(actor: Actor) -> bool:
    """Whether somebody may see a journey that is still a lead."""
    return bool(actor.roles & READERS["lead"])


def sees_all(actor: Actor) -> bool:
    """Whether somebody may see every journey."""
    return reads_leads(actor) and not sight.is_limited(actor)


def sees(actor: Actor, summary: Summary) -> bool:
    """Whether somebody may see this journey."""
    return sight.sees(actor, summary.owner) and (summary.stage != "lead" or reads_leads(actor))


async def visible(journeys: Collection[UUID], tx: Transaction) -> set[UUID]:
    """Those of the journeys that the actor may see. A journey without a summary yet is shown only
    to those who see every journey."""
    if sees_all(tx.actor):
        return set(journeys)
    return {row[0] for row in await tx.read(AMONG, *parameters(tx.actor), list(journeys))}
