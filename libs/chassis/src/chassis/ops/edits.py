"""Proposals of another payload: what they say, what makes them valid, and how they are kept.

Of messages that wait at a consumer (`chassis.ops.edit`) and of events that Kafka refuses
(`chassis.ops.unsent`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import orjson
from pydantic import BaseModel, ValidationError

from chassis.audit import audit
from chassis.auth import Actor
from chassis.ops.acts import Reason
from chassis.ops.diff import Change
from chassis.ops.rows import PayloadEditRow
from chassis.parking import Lane
from chassis.problems import FieldError, Problem, field_errors
from chassis.transaction import Transaction
from contracts.event import Event
from contracts.ids import new_id

UNSENT = "outbox"
"""In the place of a consumer's name: a proposal about an event that this service has said."""


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


def object_of(consumer: str) -> str:
    """What the audit calls the thing that is edited."""
    return "unsent" if consumer == UNSENT else "parked"


def refuse_unchanged(changes: Sequence[Change]) -> None:
    if not changes:
        raise Problem(409, "that is the payload as it is", type="no-change")


def keep_proposal(
    tx: Transaction,
    actor: Actor,
    consumer: str,
    lane: Lane,
    event_type: str,
    event_id: UUID,
    journey_id: UUID,
    payload: bytes,
    changes: Sequence[Change],
    problems: list[str],
    reason: str,
) -> Proposed:
    """Keep a proposal for a second person, and note it in the audit."""
    edit_id = new_id()
    tx.insert(
        PayloadEditRow,
        id=edit_id,
        consumer=consumer,
        topic=lane[0],
        key=lane[1],
        type=event_type,
        event_id=event_id,
        new_event_id=None,
        journey_id=journey_id,
        status="proposed",
        payload=payload,
        diff=orjson.dumps([change.model_dump() for change in changes]).decode(),
        reason=reason,
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
        f"{object_of(consumer)}:{lane[0]}",
        lane[1],
        before={"event_id": str(event_id)},
        after={"edit": str(edit_id), "diff": [change.model_dump() for change in changes]},
        reason=reason,
        journey_id=journey_id,
    )
    return Proposed(id=edit_id, event_id=event_id, diff=list(changes), problems=problems)


def judge(fact: type[Event], payload: bytes, key: str) -> list[str]:
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
    given = orjson.loads(payload)
    wrong = [
        FieldError(pointer=f"/payload{path}", detail=f"would be read as {became}")
        for path, became in _reread(given, orjson.loads(read.model_dump_json()))
    ]
    if wrong:
        raise Problem(422, f"this is no {fact.name}", type="invalid", errors=wrong)
    return [
        f"{path} is no field of {fact.name}"
        for path in _unknown(given, read.model_dump(mode="json"))
    ]


_DIGITS = re.compile(r"[0-9.]+")


def _reread(given: Any, read: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Numbers that are read as a day or an instant: nobody means seconds since 1970."""
    if isinstance(given, dict) and isinstance(read, dict):
        for name in given.keys() & read.keys():
            yield from _reread(given[name], read[name], f"{path}/{name}")
    elif isinstance(given, list) and isinstance(read, list):
        for n, (one, other) in enumerate(zip(given, read, strict=False)):
            yield from _reread(one, other, f"{path}/{n}")
    elif isinstance(read, str) and str(given) != read and _DIGITS.fullmatch(str(given)):
        yield path, read


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
