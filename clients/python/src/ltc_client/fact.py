"""A fact as a subscriber gets it: what was said, and all that is said about it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from contracts.catalog import FACTS
from contracts.envelope import Envelope, MalformedEnvelope
from contracts.event import Event
from contracts.schema import branches, inlined


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that happened. Which class ``said`` has tells what; ``data`` holds every field,
    those too that this version of the package does not know."""

    id: UUID
    """The event's own id, by which a repeated one is recognised at any door."""
    type: str
    source: str
    subject: str
    """The id of the thing that it tells of."""
    time: datetime
    sequence: int
    """One more with each fact of a subject; facts that you did not ask for leave gaps."""
    journey_id: UUID
    """The whole way from first contact to cash."""
    causation_id: UUID | None = None
    traceparent: str | None = None
    data: Mapping[str, Any] = field(repr=False)
    said: Event | None = None
    """The fact in its class. Personal fields that your grant leaves out are None, or empty text
    where the class wants text."""

    @property
    def stage(self) -> str:
        """Who said it: lead, deal, quote, contract, order or billing."""
        return self.source.removeprefix("/ltc/").removesuffix("-svc")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownFact(Fact):
    """A fact of a type, or of a shape, that is newer than this package. Nothing to worry about:
    ``data`` is there, and whoever does not need it passes over it."""

    why: str
    """Why it has no class."""
    raw: bytes = b""
    """The value as it came, when it is no JSON object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a thing is now: of each field that its facts told, the newest value. None is required;
    what a person may tell of themselves is there by your grant alone."""

    stage: str
    """Who tells of it. Two stages may tell of one subject: these are two states."""
    subject: str
    sequence: int
    """Of the last fact that is in it."""
    time: datetime
    """When that was said."""
    journey_id: UUID
    data: Mapping[str, Any] = field(repr=False)

    @property
    def source(self) -> str:
        """The source of the facts that it was made of; its own is the hub."""
        return f"/ltc/{self.stage}-svc"


def as_state(fact: Fact) -> State:
    """What came as ``ltc.deal.state.v1`` and the like. Raises MalformedEnvelope for a fact."""
    _, stage, what, *_ = [*fact.type.split("."), "", ""]
    if what != "state":
        raise MalformedEnvelope(f"{fact.type} is no state")
    return State(
        stage=stage,
        subject=fact.subject,
        sequence=fact.sequence,
        time=fact.time,
        journey_id=fact.journey_id,
        data=fact.data,
    )


def from_cloudevent(event: Mapping[str, Any]) -> Fact:
    """A fact from the JSON that the feed and webhooks carry. Raises MalformedEnvelope."""
    try:
        headers = {
            f"ce_{name}": str(event[name]).encode()
            for name in ("id", "type", "source", "subject", "time", "sequence", "correlationid")
        }
    except KeyError as error:
        raise MalformedEnvelope(f"{error.args[0]} is missing") from error
    for name in ("causationid", "traceparent"):
        if event.get(name):
            headers[f"ce_{name}" if name == "causationid" else name] = str(event[name]).encode()
    data = event.get("data")
    if not isinstance(data, dict):
        raise MalformedEnvelope("data is no JSON object")
    return _fact(Envelope.from_headers(list(headers.items())), data)


def from_record(headers: list[tuple[str, bytes | None]], value: bytes | None) -> Fact:
    """A fact from a record at Kafka. Raises MalformedEnvelope."""
    envelope = Envelope.from_headers(headers)
    try:
        data = json.loads(value or b"")
    except ValueError:
        data = None
    if not isinstance(data, dict):
        why = "its value is no JSON object"
        return UnknownFact(**_about(envelope), data={}, why=why, raw=value or b"")
    return _fact(envelope, data)


def as_cloudevent(fact: Fact) -> dict[str, Any]:
    """The fact as the feed would carry it."""
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(fact.id),
        "type": fact.type,
        "source": fact.source,
        "subject": fact.subject,
        "time": fact.time.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "sequence": str(fact.sequence),
        "correlationid": str(fact.journey_id),
    }
    if fact.causation_id is not None:
        event["causationid"] = str(fact.causation_id)
    if fact.traceparent is not None:
        event["traceparent"] = fact.traceparent
    return {**event, "data": dict(fact.data)}


def _fact(envelope: Envelope, data: dict[str, Any]) -> Fact:
    kind = FACTS.get(envelope.type)
    if kind is None:
        why = "this version of ltc-client does not know its type"
        return UnknownFact(**_about(envelope), data=data, why=why)
    try:
        said = _typed(kind, data)
    except ValidationError as error:
        problem = error.errors()[0]
        where = "/".join(str(step) for step in problem["loc"])
        return UnknownFact(**_about(envelope), data=data, why=f"{where}: {problem['msg']}")
    return Fact(**_about(envelope), data=data, said=said)


def _about(envelope: Envelope) -> dict[str, Any]:
    return {
        "id": envelope.id,
        "type": envelope.type,
        "source": envelope.source,
        "subject": envelope.subject,
        "time": envelope.time,
        "sequence": envelope.sequence,
        "journey_id": envelope.journey_id,
        "causation_id": envelope.causation_id,
        "traceparent": envelope.traceparent,
    }


def _typed(kind: type[Event], data: dict[str, Any]) -> Event:
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        left_out = [e["loc"] for e in error.errors() if e["type"] == "missing"]
        if len(left_out) < error.error_count() or not all(
            _is_personal(kind, loc) for loc in left_out
        ):
            raise
    whole = json.loads(json.dumps(data))
    for *parts, name in left_out:
        node = whole
        for step in parts:
            node = node[step]
        node[name] = ""
    return kind.model_validate(whole)


def _is_personal(kind: type[Event], loc: tuple[int | str, ...]) -> bool:
    return "/".join("*" if isinstance(step, int) else step for step in loc) in _personal(kind)


@cache
def _personal(kind: type[Event]) -> frozenset[str]:
    """Where a fact holds personal data, as its schema marks it; ``*`` for every item of a list."""
    return frozenset(_marked(inlined(kind.model_json_schema()), ""))


def _marked(node: dict[str, Any], at: str) -> Iterator[str]:
    if node.get("x-personal"):
        yield at
    for branch in branches(node).values():
        for name, child in branch.get("properties", {}).items():
            yield from _marked(child, f"{at}/{name}" if at else name)
        if isinstance(branch.get("items"), dict):
            yield from _marked(branch["items"], f"{at}/*")
