"""One journey, whole: told from its facts alone, and explained by what can be seen right now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from chassis.domain import NotFound
from chassis.transaction import Transaction
from console import access
from console.broker import Broker
from console.business_time import business_seconds
from console.evidence import Evidence, Parked, Unpublished, Version, gather
from console.folding import Fact, Gate, State, Summary, fold_readable
from console.lists import Worth, listed
from console.peers import Answer, Asked, Peers
from console.reasons import Reason, reason_of
from console.search import find
from console.summaries import facts_of
from contracts.roles import readers_of

AT_MOST_HEADS, AT_MOST_OBJECTS = 10, 50
NOTED = ("note", "reason", "need", "evidence")


class Step(BaseModel):
    """One fact on the timeline."""

    event_id: UUID
    type: str
    stage: str
    source: str
    subject: str
    sequence: int
    number: str | None
    actor: str | None
    """Who did it, where the fact says so."""
    said_at: datetime
    after_ms: float
    """Since the first fact of the journey."""
    causation_id: UUID | None
    trace_id: str | None
    payload: dict[str, Any] | None
    """None for who has none of the roles in ``readers``."""
    readers: list[str]
    """The roles that the stage lets read it."""


class OpenGate(BaseModel):
    """What the journey waits for."""

    gate: str
    stage: str
    owner: str
    number: str
    aggregate_id: UUID
    opened_at: datetime
    due_at: datetime
    overdue: bool
    overdue_s: int
    """Seconds of office hours."""
    age_s: float


class Note(BaseModel):
    """What somebody wrote along with what they did."""

    at: datetime
    by: str | None
    text: str
    stage: str
    type: str
    number: str | None


class Act(BaseModel):
    """What somebody on call did about this journey, as the service's audit has it."""

    id: UUID
    service: str
    at: datetime
    actor_sub: str
    actor_name: str
    action: str
    object_type: str
    object_id: str
    reason: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    outcome: str | None = None
    """``resolved`` only when the message was really handled afterwards."""


class ParkedHead(Parked):
    """A key whose messages wait, with the one that they wait behind."""

    state: str
    event_id: UUID | None = None
    type: str | None = None
    payload: str | None = None


class Journey(BaseModel):
    """A journey from first contact to where it is now."""

    journey_id: UUID
    summary: str
    stage: str
    state: State
    settled: bool
    customer: str | None
    amount: Worth | None
    owner: str | None
    """Who sells."""
    reason: Reason | None
    gates: list[OpenGate]
    numbers: dict[str, str]
    versions: list[Version]
    parked: list[ParkedHead]
    unpublished: list[Unpublished]
    notes: list[Note]
    actions: list[Act]
    asked: list[Asked]
    trace_ids: list[str]
    started_at: datetime
    last_fact_at: datetime
    steps: list[Step]


async def find_journey(key: str, tx: Transaction) -> tuple[UUID, Summary]:
    """The journey that something belongs to, folded. Raises NotFound, also for others' journeys."""
    found = await find(key, tx)
    journey_id = next(iter(found), None)
    facts = (await facts_of([journey_id], tx)).get(journey_id) if journey_id else None
    summary = fold_readable(facts)[0] if facts else None
    if journey_id is None or summary is None:
        raise NotFound(f"no journey is known by {key}")
    if not access.sees(tx.actor, summary):
        raise NotFound(f"no journey is known by {key}")
    return journey_id, summary


async def explain(
    journey_id: UUID,
    summary: Summary,
    peers: Peers,
    broker: Broker,
    token: str | None,
    *,
    roles: frozenset[str],
    now: datetime,
) -> Journey:
    """A journey with what the services and Kafka see of it at this moment."""
    subjects = {fact.subject for fact in summary.facts}
    evidence, audits = await asyncio.gather(
        gather(journey_id, subjects, peers, broker, token),
        peers.ask_all(
            "/ops/audit",
            token=token,
            journey_id=str(journey_id),
            object_id=sorted(subjects)[:AT_MOST_OBJECTS],
            limit=200,
        ),
    )
    heads = await asyncio.gather(
        *(_head(parked, peers, token) for parked in evidence.parked[:AT_MOST_HEADS])
    )
    return assemble(journey_id, summary, evidence, heads, acts_of(audits), roles=roles, now=now)


async def _head(parked: Parked, peers: Peers, token: str | None) -> ParkedHead:
    """The message at the head of a parked key, as far as its service tells."""
    stage = parked.service.removesuffix("-svc")
    answer = await peers.ask(stage, f"/ops/parked/{parked.topic}/{parked.key}", token=token)
    head = answer.body[0] if answer.ok and answer.body else {}
    told = {name: head.get(name) for name in ("event_id", "type", "payload")}
    row = parked.model_dump() | {"service": stage}  # as paths name it
    return ParkedHead(**row, state=parked.status, **told)


def acts_of(audits: Mapping[str, Answer]) -> list[Act]:
    """What people did, as the services' audits say, oldest first. Who does not keep or tell it says
    nothing; what an observer set aside by rule holds up no journey."""
    acts = [
        Act(service=answer.service, **{n: row.get(n) for n in Act.model_fields if n != "service"})
        for answer in audits.values()
        if answer.ok
        for row in (answer.body["items"] if isinstance(answer.body, dict) else answer.body)
        if row.get("actor_sub") != f"system:{answer.service}"
    ]
    return sorted(acts, key=lambda act: act.at)


def assemble(
    journey_id: UUID,
    summary: Summary,
    evidence: Evidence,
    parked: Sequence[ParkedHead],
    acts: list[Act],
    *,
    roles: frozenset[str],
    now: datetime,
) -> Journey:
    """Put a journey together: pure, so that it can be tested without a database."""
    reason = reason_of(summary, evidence, now=now)
    row = listed(journey_id, summary, reason)
    first = summary.facts[0].said_at
    return Journey(
        journey_id=journey_id,
        summary=row.sentence,
        stage=summary.stage,
        state=summary.state,
        settled=summary.state == "settled",
        customer=summary.customer,
        amount=row.amount,
        owner=row.seller,
        reason=reason,
        gates=[_open(gate, now) for gate in summary.gates],
        numbers=summary.numbers,
        versions=list(evidence.versions),
        parked=list(parked),
        unpublished=list(evidence.unpublished),
        notes=list(_notes(fact for fact in summary.facts if roles & readers_of(fact.type))),
        actions=acts,
        asked=list(evidence.asked),
        trace_ids=summary.trace_ids,
        started_at=first,
        last_fact_at=summary.last.said_at,
        steps=[_step(fact, first, roles) for fact in summary.facts],
    )


def _open(gate: Gate, now: datetime) -> OpenGate:
    return OpenGate(
        gate=gate.gate,
        stage=gate.stage,
        owner=gate.owner,
        number=gate.number,
        aggregate_id=UUID(gate.aggregate_id),
        opened_at=gate.opened_at,
        due_at=gate.due_at,
        overdue=gate.due_at < now,
        overdue_s=business_seconds(gate.due_at, now),
        age_s=(now - gate.opened_at).total_seconds(),
    )


def _step(fact: Fact, first: datetime, roles: frozenset[str]) -> Step:
    readers = readers_of(fact.type)
    return Step(
        event_id=fact.event_id,
        type=fact.type,
        stage=fact.stage,
        source=fact.source,
        subject=fact.subject,
        sequence=fact.sequence,
        number=fact.payload.get("number"),
        actor=actor_of(fact),
        said_at=fact.said_at,
        after_ms=(fact.said_at - first).total_seconds() * 1000,
        causation_id=fact.causation_id,
        trace_id=fact.trace_id,
        payload=fact.payload if roles & readers else None,
        readers=sorted(readers),
    )


def actor_of(fact: Fact) -> str | None:
    """Who did it: the one field that ends in ``_by`` and names somebody."""
    for name in fact.payload:
        if name.endswith("_by") and (who := fact.payload[name]):
            return str(who.get("name") or who.get("sub")) if isinstance(who, dict) else str(who)
    return None


def _notes(facts: Iterable[Fact]) -> Iterable[Note]:
    for fact in facts:
        for name in NOTED:
            text = fact.payload.get(name)
            if isinstance(text, str) and text.strip():
                yield Note(
                    at=fact.said_at,
                    by=actor_of(fact),
                    text=text,
                    stage=fact.stage,
                    type=fact.type,
                    number=fact.payload.get("number"),
                )
