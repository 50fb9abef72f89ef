"""Another payload for a message that cannot be handled: one person proposes it, a second decides.

Only the message at the head of a parked key is edited. What was approved is a message of its own,
with an id of its own and the id of the one that it replaces; the original is kept as it came. What
is on the topic stays as it is: the edit is this consumer's alone, and its speaker should know.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ValidationError

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
from chassis.ops.rows import PayloadEditRow
from chassis.problems import FieldError, Problem, field_errors
from chassis.transaction import Transaction
from contracts.envelope import Envelope, MalformedEnvelope
from contracts.event import Event
from contracts.ids import new_id

router = APIRouter(route_class=TransactionalRoute)

REPLACED = "replayed_from"
"""The header that names the message whose place an edited one has taken."""

_COLUMNS = """
SELECT id, topic, key, type, event_id, new_event_id, journey_id, status, payload,
       diff::text AS diff, reason, proposed_by, proposed_by_name, proposed_at, decided_by,
       decided_by_name, decided_at FROM payload_edit
"""
LOCK = f"{_COLUMNS} WHERE id = $1 FOR UPDATE"
LIST = f"{_COLUMNS} WHERE ($1::text IS NULL OR status = $1) ORDER BY id DESC LIMIT $2"
DECIDE = """
UPDATE payload_edit SET status = $2, decided_by = $3, decided_by_name = $4, decided_at = $5,
                        new_event_id = $6 WHERE id = $1
"""


class Proposal(Reason):
    """The payload as it should be, and why."""

    payload: dict[str, Any]
    event_id: UUID | None = None
    """The head that this was written for; when it is another by now, nothing is proposed."""


class Proposed(BaseModel):
    """A proposal that a second person may approve."""

    id: UUID
    event_id: UUID
    diff: list[Change]
    problems: list[str]
    """What is odd about it and yet valid: fields that the fact does not have."""


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
    problems = _judge(fact, payload, lane[1])
    changes = list(diff(_document(head), body.payload))
    if not changes:
        raise Problem(409, "that is the payload as it is", type="no-change")
    edit_id = new_id()
    tx.insert(
        PayloadEditRow,
        id=edit_id,
        consumer=consumer,
        topic=lane[0],
        key=lane[1],
        type=fact.name,
        event_id=head.event_id,
        new_event_id=None,
        journey_id=envelope.journey_id,
        status="proposed",
        payload=payload,
        diff=orjson.dumps([change.model_dump() for change in changes]).decode(),
        reason=body.reason,
        proposed_by=actor.sub,
        proposed_by_name=actor.name,
        proposed_at=tx.now,
        decided_by=None,
        decided_by_name=None,
        decided_at=None,
    )
    audit(
        tx,
        actor,
        "propose edit",
        f"parked:{lane[0]}",
        lane[1],
        before={"event_id": str(head.event_id)},
        after={"edit": str(edit_id), "diff": [change.model_dump() for change in changes]},
        reason=body.reason,
        journey_id=envelope.journey_id,
    )
    return Proposed(id=edit_id, event_id=head.event_id, diff=changes, problems=problems)


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
    edit, payload = await _undecided(tx, actor, edit_id)
    lane = (edit.topic, edit.key)
    head = await locked_head(tx.connection, consumer, lane)
    if head is None:
        raise Problem(409, f"nothing is parked for {edit.key} any more", type="head-moved-on")
    _refuse_moved(head, edit.event_id)
    event_id = new_id()
    replacement = _replacement(head, event_id, payload)
    await draining.replace_head(tx.connection, consumer, lane, head, replacement, event_id)
    tx.woke = True
    return await _decide(tx, actor, edit, "approved", event_id, body.reason)


@router.post("/edits/{edit_id}/reject", operation_id="rejectEdit")
async def reject(actor: Fixer, tx: Tx, edit_id: UUID, body: Reason) -> Edit:
    """The message stays as it came. Not by who proposed the edit."""
    edit, _ = await _undecided(tx, actor, edit_id)
    return await _decide(tx, actor, edit, "rejected", None, body.reason)


async def _undecided(tx: Transaction, actor: Actor, edit_id: UUID) -> tuple[Edit, bytes]:
    """The proposal, locked, when this person may decide about it. Raises Problem."""
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
    return edit, row["payload"]


async def _decide(
    tx: Transaction, actor: Actor, edit: Edit, status: str, event_id: UUID | None, reason: str
) -> Edit:
    """Note the decision, in the edit and in the audit."""
    await bulk.execute(
        tx.connection, DECIDE, edit.id, status, actor.sub, actor.name, tx.now, event_id
    )
    audit(
        tx,
        actor,
        "edit" if event_id else "reject edit",
        f"parked:{edit.topic}",
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
    del values["payload"]
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


def _judge(fact: type[Event], payload: bytes, key: str) -> list[str]:
    """What is odd about a payload. Raises Problem with what its fact's schema does not allow."""
    try:
        read = fact.model_validate_json(payload)
    except ValidationError as error:
        detail = f"this is no {fact.name}"
        found = field_errors([{**e, "loc": ("payload", *e["loc"])} for e in error.errors()])
        raise Problem(422, detail, type="invalid", errors=found) from error
    if str(read.key_value()) != key:
        detail = f"the message is of {key}, and stays so"
        wrong = [FieldError(pointer=f"/payload/{fact.key}", detail=detail)]
        raise Problem(422, detail, type="invalid", errors=wrong)
    return [
        f"{path} is no field of {fact.name}"
        for path in _unknown(orjson.loads(payload), read.model_dump(mode="json"))
    ]


def _unknown(given: Any, read: Any, path: str = "") -> Iterator[str]:
    """The fields that were given and not read."""
    if isinstance(given, dict) and isinstance(read, dict):
        for name, value in given.items():
            if name in read:
                yield from _unknown(value, read[name], f"{path}/{name}")
            else:
                yield f"{path}/{name}"
    elif isinstance(given, list) and isinstance(read, list):
        for n, (one, other) in enumerate(zip(given, read, strict=False)):
            yield from _unknown(one, other, f"{path}/{n}")


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
