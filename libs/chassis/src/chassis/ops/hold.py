"""Hold a key's messages until a person lets go of them."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from chassis import bulk, draining
from chassis.audit import audit
from chassis.http import TransactionalRoute, Tx
from chassis.ops.acts import ConsumerName, Fixer, HeardTopics, OfLane, Reason, locked_head
from chassis.problems import Problem

router = APIRouter(route_class=TransactionalRoute)

HOLD = """
INSERT INTO parked_key AS k (consumer, topic, key, status, attempts, next_retry_at, error_class,
                             error, parked_at)
VALUES ($1, $2, $3, 'held', 0, $5, 'Held', $4, $5)
ON CONFLICT (consumer, topic, key) DO UPDATE SET status = 'held' WHERE k.status <> 'held'
"""
RELEASE = """
UPDATE parked_key SET status = 'retrying', attempts = 0, next_retry_at = $4
WHERE consumer = $1 AND topic = $2 AND key = $3 AND status = 'held'
"""


class Hold(Reason):
    """Which key's messages are to wait, and why."""

    topic: str = Field(min_length=1, max_length=200)
    key: str = Field(min_length=1, max_length=200)


class Held(BaseModel):
    """The key's messages wait from now on."""

    topic: str
    key: str
    status: str = "held"


class Released(BaseModel):
    """The key goes on."""

    status: str
    """``retrying`` with what waited, or ``free`` when nothing had come."""


@router.post("/park", status_code=201, operation_id="holdKey")
async def hold(
    actor: Fixer, tx: Tx, consumer: ConsumerName, heard: HeardTopics, body: Hold
) -> Held:
    """Park a key by hand: its messages wait from now on, in their order, until it is released."""
    if body.topic not in heard:
        raise Problem(404, f"{consumer} does not hear {body.topic}", type="not-found")
    lane = (body.topic, body.key)
    head = await locked_head(tx.connection, consumer, lane)
    if not await bulk.execute(tx.connection, HOLD, consumer, *lane, body.reason, tx.now):
        raise Problem(409, f"{body.key} of {body.topic} is held already", type="held")
    audit(
        tx,
        actor,
        "hold",
        f"parked:{body.topic}",
        body.key,
        before={"event_id": str(head.event_id)} if head else None,
        after={"status": "held"},
        reason=body.reason,
        journey_id=head.journey_id if head else None,
    )
    return Held(topic=body.topic, key=body.key)


@router.post("/parked/{topic}/{key}/release", operation_id="releaseKey")
async def release(
    actor: Fixer, tx: Tx, consumer: ConsumerName, lane: OfLane, body: Reason
) -> Released:
    """Let go of a key that was held: what waited is handled, in its order."""
    head = await locked_head(tx.connection, consumer, lane)
    if not await bulk.execute(tx.connection, RELEASE, consumer, *lane, tx.now):
        raise Problem(409, f"{lane[1]} of {lane[0]} is not held", type="not-held")
    if head is None:
        await bulk.execute(tx.connection, draining.LET_GO, consumer, *lane)
    tx.woke = True
    status = "free" if head is None else "retrying"
    audit(
        tx,
        actor,
        "release",
        f"parked:{lane[0]}",
        lane[1],
        before={"status": "held"},
        after={"status": status, **({"event_id": str(head.event_id)} if head else {})},
        reason=body.reason,
        journey_id=head.journey_id if head else None,
    )
    return Released(status=status)
