"""What a person must mend: a message that was given up, is tried again, or is held."""

from __future__ import annotations

from console.evidence import Evidence, Parked
from console.folding import Summary
from console.reasons.reason import Code, Proof, Reason


def found(summary: Summary, evidence: Evidence) -> Reason | None:
    """A message of this journey was given up, is tried again, or is held by somebody."""
    worst = sorted(evidence.parked, key=lambda p: (p.status != "dead", p.parked_at))
    if not worst:
        return None
    parked = worst[0]
    number = summary.number_of(parked.key)
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


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:200] if text.strip() else "no message"
