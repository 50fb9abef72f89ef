"""A journey's facts folded into what it is now: pure, whole each time, so that neither the order in
which facts came nor how often changes what is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from contracts.catalog import FACTS, STAGES, producer
from contracts.parties import Owner

State = Literal["open", "settled", "ended"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact as it was said."""

    event_id: UUID
    type: str
    source: str
    subject: str
    sequence: int
    said_at: datetime
    causation_id: UUID | None
    trace_id: str | None
    payload: dict[str, Any]
    partition: int | None = None
    offset: int | None = None

    @property
    def stage(self) -> str:
        """Who says it; of a type that we do not know yet, what its name says."""
        known = FACTS.get(self.type)
        return producer(known) if known else self.type.split(".")[1]

    @property
    def verb(self) -> str:
        """The type without its family and version: ``deal.lost``."""
        return self.type.removeprefix("ltc.").rpartition(".v")[0]

    @property
    def name(self) -> str:
        """What people call the thing it is about: its number, where it has one."""
        return str(self.payload.get("number") or self.subject)


@dataclass(frozen=True, slots=True)
class Gate:
    """What a journey waits for: who must act, since when, by when."""

    gate: str
    stage: str
    owner: str
    number: str
    aggregate_id: str
    opened_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Summary:
    """A journey as lists show it."""

    facts: Sequence[Fact]
    """In the order in which they were said."""
    stage: str
    state: State
    gates: Sequence[Gate]
    """The soonest due first."""
    customer: str | None = None
    amount: dict[str, str] | None = None
    owner: Owner | None = None
    numbers: dict[str, str] = field(default_factory=dict)

    @property
    def last(self) -> Fact:
        return self.facts[-1]

    def number_of(self, key: str) -> str:
        """What people call the thing of this id; the id while no fact has told."""
        numbered = (f for f in self.facts if f.subject == key and f.payload.get("number"))
        return next((fact.name for fact in numbered), key)

    @property
    def trace_ids(self) -> list[str]:
        """Of all its facts, the first first."""
        return list(dict.fromkeys(fact.trace_id for fact in self.facts if fact.trace_id))


def fold(facts: Iterable[Fact]) -> Summary:
    """All facts of one journey, in any order, each any number of times; at least one."""
    known = {fact.event_id: fact for fact in facts}
    told = sorted(known.values(), key=lambda fact: (fact.said_at, fact.sequence, fact.event_id))
    # One clock may be behind another: within an aggregate its sequence is the order.
    by_sequence = sorted(told, key=lambda fact: (fact.stage, fact.subject, fact.sequence))
    return Summary(
        facts=told,
        stage=max((fact.stage for fact in told), key=_rank),
        state=_state(by_sequence),
        gates=_gates(by_sequence),
        customer=_customer(told),
        amount=_amount(told),
        owner=_owner(told),
        numbers=_numbers(told),
    )


def fold_readable(facts: Sequence[Fact]) -> tuple[Summary | None, list[tuple[Fact, Exception]]]:
    """Like `fold`, without the facts that do not fit their contract, which come back with why.
    Whether facts fit is asked only when folding them fails: it costs more than the folding."""
    try:
        return fold(facts), []
    except Exception:
        unreadable = [(fact, error) for fact in facts if (error := _misfit(fact)) is not None]
        left_out = {fact.event_id for fact, _ in unreadable}
        readable = [fact for fact in facts if fact.event_id not in left_out]
        if not unreadable:
            raise
        return fold(readable) if readable else None, unreadable


def _misfit(fact: Fact) -> Exception | None:
    """Why the payload is no such fact; none when it is."""
    contract = FACTS.get(fact.type)
    try:
        if contract is not None:
            contract.model_validate(fact.payload)
    except Exception as error:
        return error
    return None


def _rank(stage: str) -> int:
    return STAGES.index(stage) if stage in STAGES else -1


def _state(facts: Iterable[Fact]) -> State:
    """Cash in the bank, an end that came before, or still on its way."""
    lead = deal = "open"
    for fact in facts:
        match fact.verb:
            case "journey.settled":
                return "settled"
            case "lead.disqualified" | "lead.merged":
                lead = "ended"
            case "lead.reopened":
                lead = "open"
            case "deal.lost":
                deal = "ended"
            case "deal.reopened":
                deal = "open"
    return "ended" if "ended" in (lead, deal) else "open"


def _gates(facts: Iterable[Fact]) -> list[Gate]:
    waiting: dict[tuple[str, str], Gate] = {}
    for fact in facts:
        name = fact.payload.get("gate")
        if not name or ".gate_" not in fact.type:
            continue
        if ".gate_cleared." in fact.type:
            waiting.pop((fact.subject, name), None)
            continue
        waiting[(fact.subject, name)] = Gate(
            gate=name,
            stage=fact.stage,
            owner=fact.payload["owner"],
            number=fact.payload["number"],
            aggregate_id=fact.subject,
            opened_at=datetime.fromisoformat(fact.payload["opened_at"]),
            due_at=datetime.fromisoformat(fact.payload["due_at"]),
        )
    return sorted(waiting.values(), key=lambda gate: (gate.due_at, gate.number, gate.gate))


def _customer(facts: Iterable[Fact]) -> str | None:
    """The company as last named; of a lead without one, the person."""
    company = person = None
    for fact in facts:
        account, contact = fact.payload.get("account"), fact.payload.get("contact")
        if isinstance(account, dict):
            company = account.get("name") or company
        if isinstance(contact, dict):
            person = contact.get("name") or person
    return company or person


def _amount(facts: Sequence[Fact]) -> dict[str, str] | None:
    """What it is worth, by the latest stage that says so: contracted before offered before
    guessed. Gross where there is such a thing."""
    worth: dict[int, dict[str, str]] = {}
    for fact in facts:
        payload = fact.payload
        totals = payload.get("totals")
        match fact.stage:
            case "contract" | "quote" if isinstance(totals, dict):
                worth[_rank(fact.stage)] = totals["gross"]
            case "deal" if fact.verb == "deal.opened" and isinstance(payload.get("amount"), dict):
                worth[_rank("deal")] = payload["amount"]
    return worth[max(worth)] if worth else None


def _owner(facts: Sequence[Fact]) -> Owner | None:
    """Whose the journey is, by the last fact that says so; that a deal is won changes no owner."""
    telling = (fact for fact in facts if fact.verb != "deal.won")
    said = [owner for fact in telling if isinstance(owner := fact.payload.get("owner"), dict)]
    return Owner.model_validate(said[-1]) if said else None


def _numbers(facts: Iterable[Fact]) -> dict[str, str]:
    """The first number of each kind: one journey may have several invoices."""
    numbers: dict[str, str] = {}
    for fact in facts:
        if number := fact.payload.get("number"):
            numbers.setdefault(fact.type.split(".")[1], number)
    return numbers
