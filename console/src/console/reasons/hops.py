"""What a machine should do: a service is away, a fact cannot leave, or is not handled yet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from console.evidence import Evidence, Unpublished
from console.folding import Fact, Summary
from console.reasons.reason import MOVING, Code, Proof, Reason
from console.reasons.waiting import at_gate
from contracts.catalog import CATALOG


def down(summary: Summary, evidence: Evidence, now: datetime) -> Reason | None:
    """Whoever must move next does not answer."""
    for fact, hearer in _unheard(summary, evidence):
        if (asked := evidence.away(hearer)) is not None:
            return Reason(
                code=Code.SERVICE_DOWN,
                sentence=f"{hearer} does not answer; {fact.verb} of {fact.name} waits for it"
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


def unsent(summary: Summary, evidence: Evidence, now: datetime) -> Reason | None:
    """Said, and not in Kafka yet."""
    old = [u for u in evidence.unpublished if now - u.created_at > MOVING]
    if not old:
        return None
    first = min(old, key=lambda u: u.created_at)
    name = first.type.removeprefix("ltc.").rpartition(".v")[0]
    refused = next((u for u in old if u.error), None)
    if refused is not None:
        return _refused(summary, refused)
    more = f" and {len(old) - 1} more" if len(old) > 1 else ""
    return Reason(
        code=Code.OUTBOX_BACKLOG,
        sentence=f"{first.service} has said {name} of {summary.number_of(first.key)}{more} and"
        f" cannot send it to Kafka since {first.created_at:%F %T}.",
        since=first.created_at,
        hop=first.service,
        number=summary.number_of(first.key),
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


def _refused(summary: Summary, one: Unpublished) -> Reason:
    """Kafka will never take it as it is; what was said after it waits."""
    name = one.type.removeprefix("ltc.").rpartition(".v")[0]
    return Reason(
        code=Code.OUTBOX_BACKLOG,
        sentence=f"Kafka refuses {name} of {summary.number_of(one.key)} from {one.service} since"
        f" {one.created_at:%F %T}; what follows waits until somebody edits or skips it.",
        since=one.created_at,
        hop=one.service,
        number=summary.number_of(one.key),
        type=one.type,
        error=one.error,
        evidence=[
            Proof(
                kind="outbox",
                text=f"{one.type} since {one.created_at:%F %T}: {one.error}",
                service=one.service,
                values={"type": one.type, "since_at": one.created_at.isoformat()},
            )
        ],
    )


def behind(summary: Summary, evidence: Evidence, now: datetime) -> Reason | None:
    """In Kafka, and its hearer has not come so far."""
    for fact, hearer in _unheard(summary, evidence):
        if now - fact.said_at > MOVING:
            return Reason(
                code=Code.CONSUMER_LAG,
                sentence=f"{hearer} has not handled {fact.verb} of {fact.name} yet, said"
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
