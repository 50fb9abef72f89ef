"""What became of an aggregate's gates by a change: the rows and the facts that tell of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chassis.domain import Aggregate, Gate
from contracts.event import Event
from contracts.journey import GateFacts


def gate_changes(
    facts: GateFacts, table: str, before: Aggregate | None, state: Aggregate
) -> Iterator[tuple[dict[str, Any], Event]]:
    """Every gate that was passed, opened or overrun, with its row and its fact."""
    known = {gate.name: gate for gate in before.gates} if before else {}
    passages = {p.gate: p for p in state.passages}
    about = {"aggregate_id": state.id, "number": state.number}
    for name, gate in known.items():
        passage = passages.get(name)
        if passage is not None:
            evidence = {"cleared_by": passage.by, "evidence": passage.evidence}
            yield (
                {**_row(table, state, gate), "cleared_at": passage.at, **evidence},
                facts.cleared(**about, **_said(gate), cleared_at=passage.at, **evidence),
            )
    for gate in state.gates:
        earlier = known.get(gate.name)
        if earlier is None:
            yield _row(table, state, gate), facts.opened(**about, **_said(gate))
        elif earlier.overdue_at is None and gate.overdue_at is not None:
            late = int((gate.overdue_at - gate.due_at).total_seconds())
            overdue = {"overdue_at": gate.overdue_at, "overdue_for_s": late}
            yield _row(table, state, gate), facts.overdue(**about, **_said(gate), **overdue)


def _said(gate: Gate) -> dict[str, Any]:
    return {
        "gate": gate.name,
        "owner": gate.owner,
        "opened_at": gate.opened_at,
        "due_at": gate.due_at,
    }


def _row(table: str, state: Aggregate, gate: Gate) -> dict[str, Any]:
    return {
        "aggregate_id": state.id,
        "name": gate.name,
        "opened_at": gate.opened_at,
        "aggregate": table,
        "journey_id": state.journey_id,
        "number": state.number,
        "owner": gate.owner,
        "due_at": gate.due_at,
        "overdue_at": gate.overdue_at,
        "cleared_at": None,
        "cleared_by": None,
        "evidence": None,
    }
