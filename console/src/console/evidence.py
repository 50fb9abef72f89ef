"""What there is to see beside a journey's facts: asked of the services and of Kafka, now."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from console.broker import Broker, Committed
from console.peers import MOST, Answer, Asked, Peers, asked
from contracts.catalog import STAGES

KEYS_AT_ONCE = 100
"""So many keys one question names: an address has its bounds."""


class Parked(BaseModel):
    """A key of this journey whose messages wait, and why."""

    service: str
    topic: str
    key: str
    status: str
    attempts: int
    error_class: str
    error: str
    waits_for: str | None = None
    next_retry_at: datetime | None = None
    parked_at: datetime
    messages: int
    trace_id: str | None = None


class Unpublished(BaseModel):
    """A fact that was said and is not in Kafka yet."""

    service: str
    type: str
    key: str
    created_at: datetime
    error: str | None = None
    """Why Kafka refuses it for good: a person must decide."""


class Version(BaseModel):
    """What a service keeps of this journey."""

    service: str
    kind: str
    id: UUID
    number: str | None
    version: int
    revision: int
    status: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was found out. What nobody could tell is not in it, and ``asked`` says so."""

    asked: tuple[Asked, ...] = ()
    parked: tuple[Parked, ...] = ()
    unpublished: tuple[Unpublished, ...] = ()
    versions: tuple[Version, ...] = ()
    committed: Committed = field(default_factory=dict)
    """By group, topic and partition: the offset up to which messages are done with."""

    def away(self, service: str) -> Asked | None:
        return next((a for a in self.asked if a.service == service and a.status == "away"), None)


async def gather(
    journey_id: UUID, keys: Iterable[str], peers: Peers, broker: Broker, token: str | None
) -> Evidence:
    """Ask everybody at once. Who does not answer in time is away."""
    states, parked, committed = await asyncio.gather(
        peers.ask_all(f"/ops/journeys/{journey_id}", token=token, among=STAGES),
        parked_of(keys, peers, token, journey_id=journey_id),
        broker.committed(),
    )
    return read(states, parked, committed)


async def parked_of(
    keys: Iterable[str],
    peers: Peers,
    token: str | None,
    *,
    journey_id: UUID | None = None,
    among: Collection[str] = STAGES,
) -> list[Parked]:
    """What waits of these keys, or of this journey, in some stages: however much else does."""
    wanted = sorted(set(keys))
    portions = [wanted[n : n + KEYS_AT_ONCE] for n in range(0, len(wanted), KEYS_AT_ONCE)]
    ask = partial(peers.ask_all, "/ops/parked", token=token, among=among, limit=MOST)
    journey = str(journey_id) if journey_id else None
    told = await asyncio.gather(*(ask(key=part, journey_id=journey) for part in portions))
    found = [parked for answers in told for parked in all_parked(answers)]
    return list({(p.service, p.topic, p.key): p for p in found}.values())


def read(states: Mapping[str, Answer], parked: Iterable[Parked], committed: Committed) -> Evidence:
    """The answers, as evidence of one journey."""
    return Evidence(
        asked=told_by(states),
        parked=tuple(parked),
        unpublished=tuple(
            Unpublished(service=_named(answer.service), **_only(row, Unpublished))
            for answer in _stages(states)
            if answer.ok
            for row in answer.body["unpublished"]
        ),
        versions=tuple(
            Version(service=_named(answer.service), **_only(row, Version))
            for answer in _stages(states)
            if answer.ok
            for row in answer.body["aggregates"]
        ),
        committed=committed,
    )


def told_by(answers: Mapping[str, Answer]) -> tuple[Asked, ...]:
    """Which stages could tell."""
    return tuple(asked(answer, _named(answer.service)) for answer in _stages(answers))


def all_parked(answers: Mapping[str, Answer]) -> list[Parked]:
    """Every parked key of the stages that told."""
    return [
        Parked(service=_named(answer.service), **_only(row, Parked))
        for answer in _stages(answers)
        if answer.ok
        for row in answer.body
    ]


def _stages(answers: Mapping[str, Answer]) -> list[Answer]:
    return [answers[name] for name in STAGES if name in answers]


def _named(stage: str) -> str:
    return f"{stage}-svc"


def _only(row: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    return {name: row[name] for name in model.model_fields if name in row}
