"""Whom we wait for: somebody of us, somebody outside, or the calendar."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from console.business_time import business_seconds, spoken
from console.folding import Fact, Gate, Summary
from console.reasons.reason import Code, Proof, Reason


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


WHY_REFUSED = {
    "provider_not_trusted": "neither a trusted provider nor the bank has reported it",
    "amount_too_small": "it is less than what is due",
    "reference_spent": "its reference was used for something else",
    "other_currency": "it is in another currency",
}


def because(reason: Reason, summary: Summary) -> Reason:
    """A wait for a prepayment, with the reason why the one that was stated does not count. Without
    the event's detail, which names payments: not everybody who works on the order may see them."""
    refused = [f for f in summary.facts if f.verb == "prepayment.refused"]
    if reason.gate != "prepayment" or not refused:
        return reason
    fact, code = refused[-1], str(refused[-1].payload.get("reason", ""))
    detail = WHY_REFUSED.get(code, code)
    proof = Proof(
        kind="fact",
        text=f"{fact.type}: {detail}",
        service="billing-svc",
        values={"type": fact.type, "detail": detail},
    )
    changes = {
        "sentence": f"{reason.sentence} The stated prepayment does not count: {detail}.",
        "evidence": [*reason.evidence, proof],
    }
    return reason.model_copy(update=changes)


def scheduled(summary: Summary, now: datetime) -> Reason | None:
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
