"""Settle what is waited for, where the stage that waits has an operation for it.

On-call invents no move of the business. What a gate waits for is done through the operation that
its service has for it, by who may do it; here that operation is named, and carried out where the
evidence alone is enough.
"""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from chassis.audit import audit
from chassis.clearing import Clearing
from chassis.domain import NotFound
from chassis.http import TransactionalRoute, Tx
from chassis.ops.acts import Fixer, Reason
from chassis.problems import Problem

router = APIRouter(route_class=TransactionalRoute)

OPEN = """
SELECT number, journey_id, owner FROM gate
WHERE aggregate_id = $1 AND name = $2 AND cleared_at IS NULL
"""


class Evidence(Reason):
    """What shows that the wait is over, and why on-call says so."""

    evidence: str = Field(min_length=1, max_length=2000)


class Resolved(BaseModel):
    """The gate is passed."""

    gate: str
    number: str
    evidence: str


@router.post("/expectations/{aggregate_id}/{gate}/resolve", operation_id="resolveExpectation")
async def resolve(
    actor: Fixer, tx: Tx, request: Request, aggregate_id: UUID, gate: str, body: Evidence
) -> Resolved:
    """Pass an open gate by evidence, where its service lets that be done; else 409 says which
    operation clears it, and 403 whose it is."""
    row = await tx.scalar_row(OPEN, aggregate_id, gate)
    if row is None:
        raise NotFound(f"{aggregate_id} does not wait at {gate}")
    clearing: Clearing | None = request.app.state.service.clearings.get(gate)
    if clearing is None or clearing.by is None:
        how = " or ".join(clearing.operations) if clearing else "later facts, and by nothing else"
        detail = f"{gate} of {row['number']} is cleared by {how}"
        raise Problem(409, detail, type="cleared-elsewhere")
    if not actor.held & clearing.roles:
        whose = " or ".join(sorted(clearing.roles))
        raise Problem(403, f"{gate} of {row['number']} is for {whose} to clear", type="forbidden")
    await clearing.by(aggregate_id, actor.sub, body.evidence, tx)
    audit(
        tx,
        actor,
        "resolve",
        "gate",
        f"{aggregate_id}/{gate}",
        before={"gate": gate, "owner": row["owner"], "number": row["number"]},
        after={"evidence": body.evidence},
        reason=body.reason,
        journey_id=row["journey_id"],
    )
    return Resolved(gate=gate, number=row["number"], evidence=body.evidence)
