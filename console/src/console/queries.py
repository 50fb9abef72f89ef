"""Where a journey is, told from its facts alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from pydantic import BaseModel

from chassis import sight
from chassis.domain import NotFound
from chassis.transaction import Transaction
from contracts.parties import Owner

STAGES = ("lead", "deal", "quote", "contract", "order", "billing")


class Step(BaseModel):
    """One fact on the timeline."""

    event_id: UUID
    type: str
    stage: str
    number: str | None
    said_at: datetime
    after_ms: float
    """Since the first fact of the journey."""
    causation_id: UUID | None
    trace_id: str | None
    payload: dict[str, Any]


class OpenGate(BaseModel):
    """What the journey waits for."""

    gate: str
    stage: str
    owner: str
    number: str
    opened_at: datetime
    due_at: datetime
    overdue: bool
    age_s: float


class Journey(BaseModel):
    """A journey from first contact to where it is now."""

    journey_id: UUID
    summary: str
    stage: str
    settled: bool
    gates: list[OpenGate]
    numbers: dict[str, str]
    trace_ids: list[str]
    started_at: datetime
    last_fact_at: datetime
    steps: list[Step]


async def find_journeys(key: str, tx: Transaction) -> list[UUID]:
    """The journeys that a number, reference, aggregate, event, trace or journey id belongs to."""
    found: list[UUID] = []
    try:
        as_id = UUID(key)
    except ValueError:
        as_id = None
    if as_id is not None and "-" in key:
        rows = await tx.read(
            "SELECT DISTINCT journey_id FROM journey_event WHERE journey_id = $1 OR event_id = $1",
            as_id,
        )
        found = [row[0] for row in rows]
    if not found:
        rows = await tx.read("SELECT journey_id FROM journey_key WHERE key = $1", key)
        found = [row[0] for row in rows]
    if not found and len(key) == 32:
        rows = await tx.read(
            "SELECT DISTINCT journey_id FROM journey_event WHERE trace_id = $1 LIMIT 5", key
        )
        found = [row[0] for row in rows]
    return found


async def show_journey(key: str, tx: Transaction) -> Journey:
    journeys = await find_journeys(key, tx)
    if not journeys:
        raise NotFound(f"no journey is known by {key}")
    rows = await tx.read(
        "SELECT event_id, type, source, subject, sequence, said_at, causation_id, trace_id,"
        " payload FROM journey_event WHERE journey_id = $1 ORDER BY said_at, sequence, event_id",
        journeys[0],
    )
    facts = [(*row[:8], orjson.loads(row[8])) for row in rows]
    if not sight.sees(tx.actor, _owner(fact[8] for fact in facts)):
        raise NotFound(f"no journey is known by {key}")
    return assemble(journeys[0], facts, now=tx.now)


def _owner(payloads: Iterable[dict[str, Any]]) -> Owner | None:
    """Whose the journey is, by the last fact that says so."""
    said = [owner for p in payloads if isinstance(owner := p.get("owner"), dict)]
    return Owner.model_validate(said[-1]) if said else None


def assemble(journey_id: UUID, rows: list[Any], *, now: datetime) -> Journey:
    """Put the facts of a journey together: pure, so that it can be tested without a database."""
    first = rows[0][5]
    steps: list[Step] = []
    gates: dict[tuple[str, str], OpenGate] = {}
    numbers: dict[str, str] = {}
    settled = False
    for event_id, type_, _source, subject, _sequence, said_at, cause, trace, payload in rows:
        stage = type_.split(".")[1]
        home = {"invoice": "billing", "payment": "billing", "journey": "billing"}.get(stage, stage)
        number = payload.get("number")
        if number:
            numbers.setdefault(stage, number)
        _follow_gates(gates, type_, subject, home, payload, now)
        settled = settled or type_.startswith("ltc.journey.settled")
        steps.append(
            Step(
                event_id=event_id,
                type=type_,
                stage=home,
                number=number,
                said_at=said_at,
                after_ms=(said_at - first).total_seconds() * 1000,
                causation_id=cause,
                trace_id=trace,
                payload=payload,
            )
        )
    stage = max((s.stage for s in steps), key=STAGES.index)
    waiting = sorted(gates.values(), key=lambda gate: gate.due_at)
    return Journey(
        journey_id=journey_id,
        summary=_sentence(stage, waiting, steps[-1], settled=settled, now=now),
        stage=stage,
        settled=settled,
        gates=waiting,
        numbers=numbers,
        trace_ids=list(dict.fromkeys(s.trace_id for s in steps if s.trace_id)),
        started_at=first,
        last_fact_at=steps[-1].said_at,
        steps=steps,
    )


def _follow_gates(
    gates: dict[tuple[str, str], OpenGate],
    type_: str,
    subject: str,
    stage: str,
    payload: dict[str, Any],
    now: datetime,
) -> None:
    name = payload.get("gate")
    if not name:
        return
    if ".gate_cleared." in type_:
        gates.pop((subject, name), None)
        return
    opened_at = datetime.fromisoformat(payload["opened_at"])
    gates[(subject, name)] = OpenGate(
        gate=name,
        stage=stage,
        owner=payload["owner"],
        number=payload["number"],
        opened_at=opened_at,
        due_at=datetime.fromisoformat(payload["due_at"]),
        overdue=".gate_overdue." in type_,
        age_s=(now - opened_at).total_seconds(),
    )


def _sentence(
    stage: str, gates: list[OpenGate], last: Step, *, settled: bool, now: datetime
) -> str:
    """One sentence: where it is, waiting for whom, since when."""
    if settled:
        return f"Settled {last.said_at:%F %T}: everything contracted is delivered and paid."
    if gates:
        gate = gates[0]
        late = f", overdue since {gate.due_at:%F %T}" if gate.due_at < now else ""
        return (
            f"Waits in {gate.stage} at gate '{gate.gate}' of {gate.number} for {gate.owner}"
            f" since {gate.opened_at:%F %T}{late}."
        )
    return f"On its way in {stage}; the last fact was {last.type} at {last.said_at:%F %T}."
