"""What a domain may know of the platform: refusals, lifecycles, aggregates, gates. Pure.

The one chassis module that a service's ``domain/`` imports. Nothing here does I/O or reads a clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import ClassVar, Generic, Self, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

S = TypeVar("S", bound=StrEnum)

BY_CUSTOMER = "party:customer"
"""The actor of what a customer does: behind a link somebody types a name, and any name."""


class DomainError(Exception):
    """The business says no. Subclasses are named for the fact of refusing: ``QuoteLapsed``."""

    status: ClassVar[int] = 409
    """The HTTP status an API answers with."""


class NotFound(DomainError):
    """There is no such thing, or the asker may not see it."""

    status = 404


class Refused(DomainError):
    """What was asked breaks a rule whatever the state: the request itself must change."""

    status = 422


class FactTooLarge(Refused):
    """The event could never be sent, so nothing of its change is kept."""


class IllegalTransition(DomainError):
    """The lifecycle has no such move from the present status."""


class Conflict(DomainError):
    """Somebody else got there first; reading again and repeating may succeed."""


class DependencyMissing(Exception):
    """A message needs something that has not arrived yet: it waits, and is woken when it does.

    Not a refusal: across topics no order is promised, so this is ordinary.
    """

    def __init__(self, kind: str, missing_id: UUID) -> None:
        super().__init__(f"waits for {kind} {missing_id}")
        self.kind = kind
        self.missing_id = missing_id


class Lifecycle(Generic[S]):
    """The allowed moves of one aggregate, as data. A status without an entry is final."""

    def __init__(self, moves: Mapping[S, Iterable[S]]) -> None:
        self.moves: dict[S, frozenset[S]] = {s: frozenset(targets) for s, targets in moves.items()}

    def allows(self, current: S, target: S) -> bool:
        return target in self.moves.get(current, frozenset())

    def move(self, current: S, target: S) -> S:
        """The target status. Raises IllegalTransition when the table has no such move."""
        if not self.allows(current, target):
            raise IllegalTransition(f"{current.value} cannot become {target.value}")
        return target

    def is_final(self, status: S) -> bool:
        return not self.moves.get(status)

    def mermaid(self, initial: S) -> str:
        """The state diagram that a service's README shows."""
        lines = ["stateDiagram-v2", f"    [*] --> {initial.value}"]
        statuses = list(type(initial))
        for status in statuses:
            targets = self.moves.get(status, frozenset())
            lines += [f"    {status.value} --> {t.value}" for t in statuses if t in targets]
            if not targets:
                lines.append(f"    {status.value} --> [*]")
        return "\n".join(lines)


class Gate(BaseModel, frozen=True):
    """A named wait: who must act, and by when. Data, so that "stuck" is a query."""

    name: str
    owner: str
    """Who must act: ``role:finance``, ``person:<sub>``, ``party:customer``, ``system:erp``."""
    opened_at: AwareDatetime
    due_at: AwareDatetime
    overdue_at: AwareDatetime | None = None
    """When the wait was found to be longer than agreed; none while in time."""


class Passage(BaseModel, frozen=True):
    """How a gate was passed: when, by whom, on what evidence."""

    gate: str
    at: AwareDatetime
    by: str
    evidence: str


class Aggregate(BaseModel, frozen=True):
    """One consistency boundary: loaded, decided upon and saved as a whole.

    ``gates`` are the open ones. ``passages`` are those of this unit of work only; the repository
    turns both into facts and rows when the aggregate is saved, and stores no passage in the body.
    """

    id: UUID
    journey_id: UUID
    number: str
    gates: tuple[Gate, ...] = ()
    passages: tuple[Passage, ...] = Field(default=(), exclude=True)

    def gate(self, name: str) -> Gate | None:
        """The open gate of that name, or none."""
        return next((gate for gate in self.gates if gate.name == name), None)

    def wait_at(self, name: str, *, owner: str, at: AwareDatetime, due_at: AwareDatetime) -> Self:
        """Open a gate. Opening one that is open keeps the first."""
        if self.gate(name):
            return self
        gate = Gate(name=name, owner=owner, opened_at=at, due_at=due_at)
        return self.model_copy(update={"gates": (*self.gates, gate)})

    def pass_gate(self, name: str, *, by: str, at: AwareDatetime, evidence: str = "") -> Self:
        """Clear a gate. A gate that is not open needs no clearing."""
        if not self.gate(name):
            return self
        passage = Passage(gate=name, at=at, by=by, evidence=evidence)
        return self.model_copy(
            update={
                "gates": tuple(gate for gate in self.gates if gate.name != name),
                "passages": (*self.passages, passage),
            }
        )

    def pass_every_gate(self, *, by: str, at: AwareDatetime, evidence: str = "") -> Self:
        """Nothing is waited for any more, as when the aggregate reaches a final status."""
        passed = self
        for gate in self.gates:
            passed = passed.pass_gate(gate.name, by=by, at=at, evidence=evidence)
        return passed

    def overrun(self, name: str, *, at: AwareDatetime) -> Self:
        """Mark an open gate overdue, once."""
        gates = tuple(
            gate.model_copy(update={"overdue_at": at})
            if gate.name == name and gate.overdue_at is None
            else gate
            for gate in self.gates
        )
        return self.model_copy(update={"gates": gates})
