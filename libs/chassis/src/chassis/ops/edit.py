"""Another payload for a message that cannot be handled: one person proposes it, a second decides.

Only the message at the head of a parked key is edited. What was approved is a message of its own,
with an id of its own and the id of the one that it replaces; the original is kept as it came. What
is on the topic stays as it is: the edit is this consumer's alone, and its speaker should know.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from chassis import bulk, draining
from chassis.audit import audit
from chassis.auth import Actor
from chassis.consumer import Consumer
from chassis.delivery import RawRecord
from chassis.domain import NotFound
from chassis.draining import Head
from chassis.http import TransactionalRoute, Tx
from chassis.ops.acts import (
    ConsumerName,
    Fixer,
    Looker,
    OfLane,
    Reason,
    locked_head,
    nothing_parked,
)
from chassis.ops.diff import Change, diff
from chassis.ops.edits import (
    UNSENT,
    Proposal,
    Proposed,
    judge,
    keep_proposal,
    object_of,
    refuse_unchanged,
)
from chassis.ops.unsent import send_again
from chassis.problems import Problem
from chassis.transaction import Transaction
from contracts.envelope import Envelope, MalformedEnvelope
from contracts.event import Event
from contracts.ids import new_id

router = APIRouter(route_class=TransactionalRoute)

REPLACED = "replayed_from"
"""The header that names the message whose place an edited one has taken."""

_COLUMNS = """
SELECT id, consumer, topic, key, type, event_id, new_event_id, journey_id, status, payload,
       diff::text AS diff, reason, proposed_by, proposed_by_name, proposed_at, decided_by,
       decided_by_name, decided_at FROM payload_edit
"""
LOCK = f"{_COLUMNS} WHERE id = $1 FOR UPDATE"
LIST = f"{_COLUMNS} WHERE ($1::text IS NULL OR status = $1) ORDER BY id DESC LIMIT $2"
DECIDE = """
UPDATE payload_edit SET status = $2, decided_by = $3, decided_by_name = $4, decided_at = $5,
                        new_event_id = $6 WHERE id = $1
"""


class Edit(BaseModel):
    """A proposal and what became of it."""

    id: UUID
    topic: str
    key: str
    type: str
    event_id: UUID
    new_event_id: UUID | None
    journey_id: UUID
    status: Literal["proposed", "approved", "rejected"]
    diff: list[Change]
    reason: str
    proposed_by: str
    proposed_by_name: str
    proposed_at: datetime
    decided_by: str | None
    decided_by_name: str | None
    decided_at: datetime | None


@router.post("/parked/{topic}/{key}/edit", status_code=201, operation_id="proposeEdit")
async def propose(
    actor: Fixer, tx: Tx, request: Request, consumer: ConsumerName, lane: OfLane, body: Proposal
) -> Proposed:
    """Propose another payload for the head of a parked key. Nothing changes until a second person
    approves it."""
    head = await locked_head(tx.connection, consumer, lane)
    if head is None:
        raise nothing_parked(lane)
    if body.event_id is not None:
        _refuse_moved(head, body.event_id)
    hearing: Consumer = request.app.state.service.consumer
    fact = _editable(hearing, head)
    envelope = _envelope(head)
    payload = orjson.dumps(body.payload)
    problems = judge(fact, payload, lane[1])
    changes = list(diff(_document(head), body.payload))
    refuse_unchanged(changes)
    return keep_proposal(
        tx, actor, consumer, lane, fact.name, head.event_id, envelope.journey_id, payload, changes,
        problems, body.reason
    )  # fmt: skip


@router.get("/edits", operation_id="listEdits")
async def list_edits(
    _: Looker,
    tx: Tx,
    status: Literal["proposed", "approved", "rejected"] | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[Edit]:
    """Proposals, the newest first."""
    return [_edit(row) for row in await tx.read(LIST, status, limit)]


@router.post("/edits/{edit_id}/approve", operation_id="approveEdit")
async def approve(
    actor: Fixer, tx: Tx, consumer: ConsumerName, edit_id: UUID, body: Reason
) -> Edit:
    """Let the proposed payload take the place of the message. Not by who proposed it."""
    edit, payload, about = await _undecided(tx, actor, edit_id)
    lane = (edit.topic, edit.key)
    if about == UNSENT:
        await send_again(tx, edit.event_id, *lane, payload)
        return await _decide(tx, actor, edit, "approved", edit.event_id, body.reason, about)
    head = await locked_head(tx.connection, consumer, lane)
    if head is None:
        raise Problem(409, f"nothing is parked for {edit.key} any more", type="head-moved-on")
    _refuse_moved(head, edit.event_id)
    event_id = new_id()
    replacement = _replacement(head, event_id, payload)
    await draining.replace_head(tx.connection, consumer, lane, head, replacement, event_id)
    tx.woke = True
    return await _decide(tx, actor, edit, "approved", event_id, body.reason, about)


@router.post("/edits/{edit_id}/reject", operation_id="rejectEdit")
async def reject(actor: Fixer, tx: Tx, edit_id: UUID, body: Reason) -> Edit:
    """The message stays as it came. Not by who proposed the edit."""
    edit, _, about = await _undecided(tx, actor, edit_id)
    return await _decide(tx, actor, edit, "rejected", None, body.reason, about)


async def _undecided(tx: Transaction, actor: Actor, edit_id: UUID) -> tuple[Edit, bytes, str]:
    """The proposal, locked, when this person may decide about it, with its payload and the consumer
    that it is about. Raises Problem."""
    row = await tx.scalar_row(LOCK, edit_id)
    if row is None:
        raise NotFound(f"there is no edit {edit_id}")
    edit = _edit(row)
    if edit.status != "proposed":
        raise Problem(409, f"the edit was {edit.status} already", type="already-decided")
    if edit.proposed_by == actor.sub:
        raise Problem(
            403, "who proposed an edit does not decide about it", type="second-person-needed"
        )
    return edit, row["payload"], row["consumer"]


async def _decide(
    tx: Transaction,
    actor: Actor,
    edit: Edit,
    status: str,
    event_id: UUID | None,
    reason: str,
    consumer: str,
) -> Edit:
    """Note the decision, in the edit and in the audit."""
    await bulk.execute(
        tx.connection, DECIDE, edit.id, status, actor.sub, actor.name, tx.now, event_id
    )
    audit(
        tx,
        actor,
        "edit" if event_id else "reject edit",
        f"{object_of(consumer)}:{edit.topic}",
        edit.key,
        before={"event_id": str(edit.event_id), "proposed_by": edit.proposed_by},
        after={
            "edit": str(edit.id),
            **({"event_id": str(event_id)} if event_id else {}),
            "diff": [change.model_dump() for change in edit.diff],
        },
        reason=reason,
        journey_id=edit.journey_id,
    )
    return edit.model_copy(
        update={
            "status": status,
            "new_event_id": event_id,
            "decided_by": actor.sub,
            "decided_by_name": actor.name,
            "decided_at": tx.now,
        }
    )


def _edit(row: Any) -> Edit:
    values = dict(row)
    del values["payload"], values["consumer"]
    return Edit(**{**values, "diff": orjson.loads(values["diff"])})


def _refuse_moved(head: Head, event_id: UUID) -> None:
    if head.event_id != event_id:
        raise Problem(
            409, f"the key waits at {head.event_id} by now: look again", type="head-moved-on"
        )


def _editable(consumer: Consumer, head: Head) -> type[Event]:
    """The fact that the head is read as. Raises Problem where an edit would make no sense."""
    fact = consumer.fact(head.type) if head.type else None
    if fact is None:
        raise Problem(409, "the message does not say what it is: skip it", type="not-editable")
    if consumer.observes:
        detail = f"{consumer.group} keeps what was said, so it is not told otherwise: skip it"
        raise Problem(409, detail, type="not-editable")
    return fact


def _envelope(head: Head) -> Envelope:
    try:
        return Envelope.from_headers(head.record.headers)
    except MalformedEnvelope as error:
        raise Problem(
            409, f"its headers cannot be read ({error}): skip it", type="not-editable"
        ) from error


def _document(head: Head) -> Any:
    """The payload as it came; none when it is no JSON."""
    try:
        return orjson.loads(head.record.value or b"null")
    except orjson.JSONDecodeError:
        return None


def _replacement(head: Head, event_id: UUID, payload: bytes) -> RawRecord:
    """The message with another payload and id, and all else as it was: journey, sequence, trace."""
    record = head.record
    headers = [
        (name, str(event_id).encode() if name == "ce_id" else value)
        for name, value in record.headers
        if name != REPLACED
    ]
    headers.append((REPLACED, str(head.event_id).encode()))
    return RawRecord(record.topic, record.partition, record.offset, record.key, payload, headers)
