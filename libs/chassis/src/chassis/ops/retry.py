"""Try a parked message again now, or give it up."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from chassis import bulk, draining
from chassis.audit import audit
from chassis.auth import Actor
from chassis.draining import Head
from chassis.http import TransactionalRoute, Tx
from chassis.ops.acts import ConsumerName, Fixer, OfLane, Reason, locked_head, nothing_parked
from chassis.parking import Lane
from chassis.problems import Problem
from chassis.transaction import Transaction

router = APIRouter(route_class=TransactionalRoute)

STATE = """
SELECT status, attempts, error_class, error FROM parked_key
WHERE consumer = $1 AND topic = $2 AND key = $3
"""


class Retried(BaseModel):
    """The head of the key is tried at once."""

    status: str = "retrying"
    event_id: str


class Skipped(BaseModel):
    """The message was given up; what waits behind it goes on."""

    status: str = "skipped"
    event_id: str


@router.post("/parked/{topic}/{key}/retry", operation_id="retryParkedKey")
async def retry_parked(
    actor: Fixer, tx: Tx, consumer: ConsumerName, lane: OfLane, body: Reason
) -> Retried:
    """Try the head again now, whatever its schedule says; a dead key gets all its tries anew."""
    head = await locked_head(tx.connection, consumer, lane)
    if head is None:
        raise nothing_parked(lane)
    await retry_head(tx, actor, consumer, lane, head, body.reason)
    return Retried(event_id=str(head.event_id))


@router.post("/parked/{topic}/{key}/skip", operation_id="skipParkedMessage")
async def skip_parked(
    actor: Fixer, tx: Tx, consumer: ConsumerName, lane: OfLane, body: Reason
) -> Skipped:
    """Give up the head of a parked key, with a reason, and go on with what waits behind it."""
    head = await locked_head(tx.connection, consumer, lane)
    if head is None:
        raise nothing_parked(lane)
    await skip_head(tx, actor, consumer, lane, head, body.reason)
    return Skipped(event_id=str(head.event_id))


async def retry_head(
    tx: Transaction, actor: Actor, consumer: str, lane: Lane, head: Head, reason: str
) -> None:
    """Raises Problem for a key that a person holds. The lane is locked."""
    before = await bulk.first(tx.connection, STATE, consumer, *lane)
    if before["status"] == "held":
        raise Problem(409, f"{lane[1]} of {lane[0]} is held: release it first", type="held")
    await bulk.execute(tx.connection, draining.GO_ON, consumer, *lane)
    tx.woke = True
    _note(tx, actor, "retry", lane, head, dict(before), {"status": "retrying"}, reason)


async def skip_head(
    tx: Transaction, actor: Actor, consumer: str, lane: Lane, head: Head, reason: str
) -> None:
    """Give up the head. The lane is locked."""
    before = await bulk.first(tx.connection, STATE, consumer, *lane)
    await draining.finish_head(tx.connection, consumer, lane, head, state="skipped")
    tx.woke = True
    _note(tx, actor, "skip", lane, head, dict(before), {"state": "skipped"}, reason)


def _note(
    tx: Transaction,
    actor: Actor,
    action: str,
    lane: Lane,
    head: Head,
    before: dict[str, object],
    after: dict[str, object],
    reason: str,
) -> None:
    topic, key = lane
    event = {"event_id": str(head.event_id), "type": head.type}
    audit(
        tx,
        actor,
        action,
        f"parked:{topic}",
        key,
        before=event | before,
        after={"event_id": str(head.event_id), **after},
        reason=reason,
        journey_id=head.journey_id,
    )
