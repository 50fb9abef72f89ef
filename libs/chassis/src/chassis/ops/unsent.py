"""Events that Kafka refuses for good: what is known of them, and what a person does about them.

Such an event blocks its key: nothing that was said after it is sent before a person has edited it,
let it be tried again, or skipped it. It keeps its id and its place in the order of its key.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query
from pydantic import BaseModel

from chassis import bulk
from chassis.audit import audit
from chassis.auth import Actor
from chassis.domain import NotFound
from chassis.http import TransactionalRoute, Tx
from chassis.ops.acts import Fixer, Looker, Reason
from chassis.ops.diff import diff
from chassis.ops.edits import UNSENT, Proposal, Proposed, judge, keep_proposal, refuse_unchanged
from chassis.outbox import DERIVED, LARGEST, shard_of
from chassis.problems import Problem
from chassis.transaction import Transaction
from contracts.catalog import FACTS

router = APIRouter(route_class=TransactionalRoute)

_COLUMNS = """
SELECT d.id AS event_id, d.topic, d.key, d.type, d.error,
       (d.headers->>'ce_correlationid')::uuid AS journey_id,
       d.created_at, d.died_at, length(d.payload) AS bytes,
       (SELECT count(*) FROM outbox o WHERE o.topic = d.topic AND o.key = d.key) AS behind
"""
BLOCKING = "d.skipped_at IS NULL"
LIST = f"{_COLUMNS} FROM outbox_dead d WHERE {BLOCKING} ORDER BY d.died_at LIMIT $1"
SHOW = f"{_COLUMNS}, d.payload FROM outbox_dead d WHERE {BLOCKING} AND d.id = $1"
LOCK = f"{_COLUMNS}, d.payload FROM outbox_dead d WHERE {BLOCKING} AND d.id = $1 FOR UPDATE OF d"
SKIP = "UPDATE outbox_dead SET skipped_at = $2 WHERE id = $1"
SEND_AGAIN = """
WITH back AS (DELETE FROM outbox_dead WHERE id = $1 RETURNING *)
INSERT INTO outbox (seq, id, shard, topic, key, aggregatetype, aggregateid, aggregate_version, type,
                    headers, payload, created_at)
OVERRIDING SYSTEM VALUE
SELECT seq, id, $2, topic, key, $3, key, (headers->>'ce_sequence')::bigint, type, headers,
       coalesce($4, payload), created_at FROM back
"""
"""At its old place: the events behind it have higher numbers."""


class UnsentFact(BaseModel):
    """An event that Kafka refuses for good, and why. Its key waits behind it."""

    event_id: UUID
    topic: str
    key: str
    type: str
    journey_id: UUID
    error: str
    created_at: datetime
    died_at: datetime
    bytes: int
    behind: int
    """Later events of the key, which wait."""


class UnsentPayload(UnsentFact):
    """The same with its payload."""

    payload: str


class Settled(BaseModel):
    """What becomes of the event."""

    event_id: UUID
    status: str


@router.get("/unsent", operation_id="listUnsentFacts")
async def list_unsent(
    _: Looker, tx: Tx, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> list[UnsentFact]:
    """Events that Kafka refuses, the longest refused first."""
    return [UnsentFact(**dict(row)) for row in await tx.read(LIST, limit)]


@router.get("/unsent/{event_id}", operation_id="showUnsentFact")
async def show_unsent(_: Looker, tx: Tx, event_id: UUID) -> UnsentPayload:
    """One such event with its payload."""
    return _payload(await _found(tx, SHOW, event_id))


@router.post("/unsent/{event_id}/retry", operation_id="retryUnsentFact")
async def retry_unsent(actor: Fixer, tx: Tx, event_id: UUID, body: Reason) -> Settled:
    """Send it again as it is, as after a change of the topic. Its key follows."""
    fact = _payload(await _found(tx, LOCK, event_id))
    await send_again(tx, fact.event_id, fact.topic, fact.key)
    _note(tx, actor, "retry", fact, {"status": "sent again"}, body.reason)
    return Settled(event_id=event_id, status="sent again")


@router.post("/unsent/{event_id}/skip", operation_id="skipUnsentFact")
async def skip_unsent(actor: Fixer, tx: Tx, event_id: UUID, body: Reason) -> Settled:
    """Never send it, with a reason; what waits behind it is sent. It is kept here."""
    fact = _payload(await _found(tx, LOCK, event_id))
    await bulk.execute(tx.connection, SKIP, event_id, tx.now)
    _wake_relay(tx)
    _note(tx, actor, "skip", fact, {"status": "skipped"}, body.reason)
    return Settled(event_id=event_id, status="skipped")


@router.post("/unsent/{event_id}/edit", status_code=201, operation_id="proposeEditOfUnsentFact")
async def edit_unsent(actor: Fixer, tx: Tx, event_id: UUID, body: Proposal) -> Proposed:
    """Propose another payload. It is sent when a second person approves it (`/ops/edits`)."""
    fact = _payload(await _found(tx, LOCK, event_id))
    contract = FACTS.get(fact.type)
    if contract is None:
        raise Problem(409, f"{fact.type} is no event of a service: skip it", type="not-editable")
    payload = orjson.dumps(body.payload)
    if len(payload) > LARGEST - 10_000:
        raise Problem(422, f"{len(payload)} bytes are still too many", type="invalid")
    problems = judge(contract, payload, fact.key)
    changes = list(diff(orjson.loads(fact.payload), body.payload))
    refuse_unchanged(changes)
    return keep_proposal(
        tx, actor, UNSENT, (fact.topic, fact.key), contract.name, event_id, fact.journey_id,
        payload, changes, problems, body.reason
    )  # fmt: skip


async def send_again(
    tx: Transaction, event_id: UUID, topic: str, key: str, payload: bytes | None = None
) -> None:
    """Put an event back at its place in the outbox. Raises Problem for one that is not there."""
    kind = DERIVED if topic.endswith(".state.v1") else topic.split(".")[1]
    values: Sequence[Any] = (event_id, shard_of(topic, key), kind, payload)
    if not await bulk.execute(tx.connection, SEND_AGAIN, *values):
        raise Problem(409, f"event {event_id} does not wait any more", type="head-moved-on")
    _wake_relay(tx)


async def _found(tx: Transaction, statement: str, event_id: UUID) -> Any:
    row = await tx.scalar_row(statement, event_id)
    if row is None:
        raise NotFound(f"Kafka refuses no event {event_id} of this service")
    return row


def _payload(row: Any) -> UnsentPayload:
    return UnsentPayload(**{**dict(row), "payload": row["payload"].decode()})


def _wake_relay(tx: Transaction) -> None:
    database: Any = tx.database
    tx.after_commit.append(database.said.set)


def _note(
    tx: Transaction,
    actor: Actor,
    action: str,
    fact: UnsentFact,
    after: dict[str, str],
    reason: str,
) -> None:
    audit(
        tx,
        actor,
        action,
        f"unsent:{fact.topic}",
        fact.key,
        before={"event_id": str(fact.event_id), "type": fact.type, "error": fact.error},
        after={"event_id": str(fact.event_id), **after},
        reason=reason,
        journey_id=fact.journey_id,
    )
