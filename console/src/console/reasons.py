"""Why a journey stands still: one code and one sentence, from evidence alone. Pure.

The first that fits, worst first: what a person must mend, then what a machine should do, then whom
we wait for. A journey that moved a moment ago has no reason, and one that has ended has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from console.business_time import business_seconds, spoken
from console.evidence import Evidence, Parked
from console.folding import Fact, Gate, Summary
from contracts.catalog import CATALOG

MOVING = timedelta(seconds=3)
"""So long a fact may be on its way before it counts as stuck."""


class Code(StrEnum):
    """Why. In the order in which they are looked for."""

    DEAD_LETTERED = "DEAD_LETTERED"
    PARKED = "PARKED"
    SERVICE_DOWN = "SERVICE_DOWN"
    OUTBOX_BACKLOG = "OUTBOX_BACKLOG"
    CONSUMER_LAG = "CONSUMER_LAG"
    WAITING_HUMAN = "WAITING_HUMAN"
    WAITING_EXTERNAL = "WAITING_EXTERNAL"
    TIMER = "TIMER"
    UNKNOWN = "UNKNOWN"


class Proof(BaseModel):
    """One thing that was seen."""

    kind: str
    """``fact``, ``offset``, ``outbox``, ``parked``, ``gate``, ``service`` or ``schedule``."""
    text: str
    service: str | None = None
    values: dict[str, str | int] = {}
    """What the text says, for who says it in another language; times by names that end in _at."""


class Reason(BaseModel):
    """Why a journey stands still."""

    code: Code
    sentence: str
    since: datetime
    hop: str | None = None
    """The service at which it stands."""
    owner: str | None = None
    """Who must act: ``person:…``, ``role:…``, ``party:…``, ``system:…``."""
    gate: str | None = None
    number: str | None = None
    type: str | None = None
    """The fact that is not handled, or not sent."""
    error: str | None = None
    due_at: datetime | None = None
    overdue_s: int = 0
    """How late, in seconds of office hours."""
    evidence: list[Proof] = []


def reason_of(summary: Summary, evidence: Evidence, *, now: datetime) -> Reason | None:
    """None: it ended, or moved a moment ago."""
    if summary.state != "open":
        return None
    for look in (_parked, _down, _unsent, _behind):
        if reason := look(summary, evidence, now):
            return reason
    if summary.gates:
        return at_gate(summary.gates[0], now=now)
    return _scheduled(summary, now) or _unknown(summary, evidence, now)


def at_gate(gate: Gate, *, now: datetime) -> Reason:
    """Waiting for somebody, of us or outside."""
    kind, _, who = gate.owner.partition(":")
    code = Code.WAITING_HUMAN if kind in ("person", "role") else Code.WAITING_EXTERNAL
    late = business_seconds(gate.due_at, now) if gate.due_at < now else 0
    by = f"due {gate.due_at:%F %R}" if gate.due_at >= now else f"overdue since {gate.due_at:%F %R}"
    hours = f", by {spoken(late)} of office hours" if late else ""
    return Reason(
        code=code,
        sentence=f"Waits for {who} to pass '{gate.gate}' of {gate.number} in {gate.stage}"
        f" since {gate.opened_at:%F %R}; {by}{hours}.",
        since=gate.opened_at,
        hop=f"{gate.stage}-svc",
        owner=gate.owner,
        gate=gate.gate,
        number=gate.number,
        due_at=gate.due_at,
        overdue_s=late,
        evidence=[
            Proof(
                kind="gate",
                text=f"gate '{gate.gate}' of {gate.number} is open and due {gate.due_at:%F %T}",
                service=f"{gate.stage}-svc",
                values={
                    "gate": gate.gate,
                    "number": gate.number,
                    "due_at": gate.due_at.isoformat(),
                },
            )
        ],
    )


def _parked(summary: Summary, evidence: Evidence, now: datetime) -> Reason | None:
    """A message of this journey was given up, is tried again, or is held by somebody."""
    worst = sorted(evidence.parked, key=lambda p: (p.status != "dead", p.parked_at))
    if not worst:
        return None
    parked = worst[0]
    number = _number_of(summary, parked.key)
    behind = f"; {parked.messages - 1} more wait behind it" if parked.messages > 1 else ""
    if parked.status == "dead":
        code, what = Code.DEAD_LETTERED, f"has given up a message of {number}"
    elif parked.status == "held":
        code, what = Code.PARKED, f"holds the messages of {number}"
    else:
        code, what = Code.PARKED, f"tries a message of {number} again and again"
    waits = f", waits for {parked.waits_for}" if parked.waits_for else ""
    return Reason(
        code=code,
        sentence=f"{parked.service} {what} since {parked.parked_at:%F %R},"
        f" {_tries(parked.attempts)}: {parked.error_class}: {_first_line(parked.error)}{waits}"
        f"{behind}.",
        since=parked.parked_at,
        hop=parked.service,
        number=number,
        error=parked.error,
        evidence=[_proof(one) for one in worst],
    )


def _tries(count: int) -> str:
    return f"{count} try" if count == 1 else f"{count} tries"


def _proof(parked: Parked) -> Proof:
    return Proof(
        kind="parked",
        text=f"{parked.messages} of key {parked.key} on {parked.topic}: {parked.status},"
        f" {parked.error_class}",
        service=parked.service,
        values=parked.model_dump(include={"messages", "key", "topic", "status", "error_class"}),
    )


def _down(summary: Summary, evidence: Evidence, now: datetime) -> Reason | None:
    """Whoever must move next does not answer."""
    for fact, hearer in _unheard(summary, evidence):
        if (asked := evidence.away(hearer)) is not None:
            return Reason(
                code=Code.SERVICE_DOWN,
                sentence=f"{hearer} does not answer; {fact.verb} of {_name(fact)} waits for it"
                f" since {fact.said_at:%F %T}.",
                since=fact.said_at,
                hop=hearer,
                number=fact.payload.get("number"),
                type=fact.type,
                error=asked.error,
                evidence=[
                    Proof(kind="service", text=asked.error or "no answer", service=hearer),
                    *_places(summary, evidence, hearer),
                ],
            )
    for gate in summary.gates[:1]:
        if (asked := evidence.away(f"{gate.stage}-svc")) is not None:
            waiting = at_gate(gate, now=now)
            return waiting.model_copy(
                update={
                    "code": Code.SERVICE_DOWN,
                    "sentence": f"{asked.service} does not answer, so '{gate.gate}' of"
                    f" {gate.number} cannot be passed; open since {gate.opened_at:%F %R}.",
                    "error": asked.error,
                    "evidence": [
                        Proof(
                            kind="service", text=asked.error or "no answer", service=asked.service
                        ),
                        *waiting.evidence,
                    ],
                }
            )
    return None


def _unsent(summary: Summary, evidence: Evidence, now: datetime) -> Reason | None:
    """Said, and not in Kafka yet."""
    old = [u for u in evidence.unpublished if now - u.created_at > MOVING]
    if not old:
        return None
    first = min(old, key=lambda u: u.created_at)
    name = first.type.removeprefix("ltc.").rpartition(".v")[0]
    more = f" and {len(old) - 1} more" if len(old) > 1 else ""
    return Reason(
        code=Code.OUTBOX_BACKLOG,
        sentence=f"{first.service} has said {name} of {_number_of(summary, first.key)}{more} and"
        f" cannot send it to Kafka since {first.created_at:%F %T}.",
        since=first.created_at,
        hop=first.service,
        number=_number_of(summary, first.key),
        type=first.type,
        evidence=[
            Proof(
                kind="outbox",
                text=f"{one.type} since {one.created_at:%F %T} in the outbox",
                service=one.service,
                values={"type": one.type, "since_at": one.created_at.isoformat()},
            )
            for one in old
        ],
    )


def _behind(summary: Summary, evidence: Evidence, now: datetime) -> Reason | None:
    """In Kafka, and its hearer has not come so far."""
    for fact, hearer in _unheard(summary, evidence):
        if now - fact.said_at > MOVING:
            return Reason(
                code=Code.CONSUMER_LAG,
                sentence=f"{hearer} has not handled {fact.verb} of {_name(fact)} yet, said"
                f" {fact.said_at:%F %T}.",
                since=fact.said_at,
                hop=hearer,
                number=fact.payload.get("number"),
                type=fact.type,
                evidence=list(_places(summary, evidence, hearer)),
            )
    return None


def _unheard(summary: Summary, evidence: Evidence) -> Iterator[tuple[Fact, str]]:
    """Facts of which a hearer's group has not said that it is done with them, oldest first."""
    for fact in summary.facts:
        entry = CATALOG.get(fact.type)
        if entry is None or fact.partition is None or fact.offset is None:
            continue
        place = (entry.fact.topic, fact.partition)
        for hearer in entry.hearers:
            at = evidence.committed.get(f"{hearer}-svc", {}).get(place)
            if at is not None and at <= fact.offset:
                yield fact, f"{hearer}-svc"


def _places(summary: Summary, evidence: Evidence, hearer: str) -> Iterator[Proof]:
    for fact, who in _unheard(summary, evidence):
        if who == hearer:
            topic = CATALOG[fact.type].fact.topic
            at = evidence.committed[hearer][(topic, fact.partition or 0)]
            yield Proof(
                kind="offset",
                text=f"{fact.verb} is at {topic}/{fact.partition} offset {fact.offset};"
                f" the group is at {at}",
                service=hearer,
                values={
                    "type": fact.type,
                    "place": f"{topic}/{fact.partition}",
                    "offset": fact.offset or 0,
                    "at": at,
                },
            )


def _scheduled(summary: Summary, now: datetime) -> Reason | None:
    """The next instalment becomes due by the calendar."""
    signed = next((f for f in reversed(summary.facts) if f.verb == "contract.signed"), None)
    if signed is None:
        return None
    for item in _items(signed):
        due = signed.said_at + timedelta(days=item["days"])
        if due > now:
            number = signed.payload["number"]
            return Reason(
                code=Code.TIMER,
                sentence=f"Instalment {item['n']} of {number} is invoiced on {due:%F}.",
                since=summary.last.said_at,
                hop="billing-svc",
                number=number,
                due_at=due,
                evidence=[
                    Proof(
                        kind="schedule",
                        text=f"{item['days']} days after signature on {signed.said_at:%F}",
                        service="billing-svc",
                        values={"days": item["days"], "signed_at": signed.said_at.isoformat()},
                    )
                ],
            )
    return None


def _items(signed: Fact) -> list[dict[str, Any]]:
    schedule = signed.payload.get("schedule") or []
    later = [item for item in schedule if item.get("due") == "days_after_signature"]
    return sorted(later, key=lambda item: int(item["days"]))


def _unknown(summary: Summary, evidence: Evidence, now: datetime) -> Reason | None:
    last = summary.last
    if now - last.said_at <= MOVING:
        return None
    silent = [a for a in evidence.asked if a.status != "ok"]
    asked = (
        f" {', '.join(a.service for a in silent)} could not be asked."
        if silent
        else " Nothing is unsent, unheard or parked, and nobody is waited for."
    )
    return Reason(
        code=Code.UNKNOWN,
        sentence=f"Nothing has moved since {last.verb} of {_name(last)} at"
        f" {last.said_at:%F %T}.{asked}",
        since=last.said_at,
        hop=f"{last.stage}-svc",
        number=last.payload.get("number"),
        type=last.type,
        evidence=[
            Proof(kind="service", text=a.error or a.status, service=a.service) for a in silent
        ],
    )


def _name(fact: Fact) -> str:
    return str(fact.payload.get("number") or fact.subject)


def _number_of(summary: Summary, key: str) -> str:
    for fact in summary.facts:
        if fact.subject == key and fact.payload.get("number"):
            return str(fact.payload["number"])
    return key


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:200] if text.strip() else "no message"
