"""Why a journey stands still: one code and one sentence, from evidence alone. Pure.

The first that fits, worst first: what a person must mend, then what a machine should do, then whom
we wait for. A journey that moved a moment ago has no reason, and one that has ended has none.
"""

from __future__ import annotations

from datetime import datetime

from console.evidence import Evidence
from console.folding import Summary
from console.reasons import hops, parked, waiting
from console.reasons.reason import MOVING, Code, Proof, Reason

__all__ = ["Code", "Proof", "Reason", "reason_of"]


def reason_of(summary: Summary, evidence: Evidence, *, now: datetime) -> Reason | None:
    """None: it ended, or moved a moment ago."""
    if summary.state != "open":
        return None
    stands = (
        parked.found(summary, evidence)
        or hops.down(summary, evidence, now)
        or hops.unsent(summary, evidence, now)
        or hops.behind(summary, evidence, now)
    )
    if stands:
        return stands
    if summary.gates:
        return waiting.because(waiting.at_gate(summary.gates[0], now=now), summary)
    return waiting.scheduled(summary, now) or _unknown(summary, evidence, now)


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
        sentence=f"Nothing has moved since {last.verb} of {last.name} at"
        f" {last.said_at:%F %T}.{asked}",
        since=last.said_at,
        hop=f"{last.stage}-svc",
        number=last.payload.get("number"),
        type=last.type,
        evidence=[
            Proof(kind="service", text=a.error or a.status, service=a.service) for a in silent
        ],
    )
