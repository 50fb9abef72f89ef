"""Every consumer on events that are full, lack optional fields, or have unknown enum values.

The tests of a service show what its stories need. These show the rest of what its consumer contract
claims: null is accepted where the schema allows it, and which known values can be handled.
"""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any
from uuid import uuid4

import pytest

from console.evidence import Evidence
from console.folding import Fact, fold
from console.main import service as console_service
from console.queries import assemble
from console.reasons import reason_of
from console.summaries import facts_of
from contracts.catalog import FACTS
from contracts.contract import ContractSigned
from contracts.deal import DealOpened, ProposalRequested
from contracts.event import Event
from contracts.ids import new_id
from contracts.lead import LeadQualified
from contracts.paths import places
from contracts.quote import QuoteAccepted
from contracts.samples import SAMPLES
from contracts.schema import schema_of
from testkit.harness import JOURNEY, Harness, harness
from tests.evidence import EVIDENCE

OPENING = (
    ("lead", DealOpened),
    ("deal", LeadQualified),
    ("quote", ProposalRequested),
    ("contract", QuoteAccepted),
    ("order", ContractSigned),
    ("billing", ContractSigned),
)
"""Facts that a service can handle before it has heard any other."""

NEVER_SAID = "something_new"


def variants(fact: type[Event]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The full sample; then one thing else at a time: a null, or another known or unknown value."""
    full = json.loads(SAMPLES[fact].model_dump_json())
    yield "full", full
    for path, place in places(schema_of(fact)).items():
        if place.nullable:
            yield f"{path} null", changed(full, path, None)
        for value in (*place.known, NEVER_SAID) if place.known else ():
            yield f"{path} {value}", changed(full, path, value)


def changed(value: dict[str, Any], path: str, to: Any) -> dict[str, Any]:
    """The value with something else wherever the path leads."""
    other = copy.deepcopy(value)
    nodes: list[Any] = [other]
    *way, last = path.split("/")[1:]
    for name in way:
        nodes = [
            child
            for node in nodes
            for child in (node if name == "*" else [node.get(name)])
            if child is not None
        ]
    for node in nodes:
        if last == "*":
            node[:] = [to]
        else:
            node[last] = to
    return other


def anew(value: dict[str, Any], fact: type[Event]) -> Event:
    """The same about another aggregate, with payments of its own."""
    fresh = {**value, fact.key: str(new_id())}
    if fact is DealOpened:
        fresh["lead_id"] = None  # by hand: it comes before lead-svc has heard of anything
    for holder in (fresh, fresh.get("web_order") or {}):
        for part, name in (("prepayment", "reference"), ("imported", "external_id")):
            if isinstance(holder.get(part), dict):
                holder[part] = {**holder[part], name: str(uuid4())}
    return fact.model_validate(fresh)


@pytest.fixture
async def hearer(stage: str) -> AsyncIterator[Harness]:
    async with harness(import_module(f"{stage}_svc.main").service, f"{stage}_svc") as under_test:
        yield under_test


@pytest.mark.parametrize(("stage", "fact"), OPENING)
async def test_consumers_accept_nulls_and_unknown_enum_values(
    stage: str, fact: type[Event], hearer: Harness
) -> None:
    stopped = []
    for what, value in variants(fact):
        about = anew(value, fact)
        await hearer.receives(about)
        key = str(about.key_value())
        if await hearer.rows("SELECT 1 FROM parked_message WHERE key = $1", key):
            stopped.append(what)

    assert stopped == []


class Watched(dict[str, Any]):
    """A payload that notes which of its fields are read."""

    def __init__(self, event_type: str, value: dict[str, Any]) -> None:
        super().__init__(value)
        self._reads = EVIDENCE.of("console", event_type).reads

    def __getitem__(self, name: str) -> Any:
        self._reads.add(f"/{name}")
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:  # type: ignore[override]
        self._reads.add(f"/{name}")
        return super().get(name, default)


async def test_console_files_and_shows_every_event() -> None:
    async with harness(console_service, "console") as console:
        await console.receives(*SAMPLES.values())
        async with console.database.transaction() as tx:
            facts = (await facts_of([JOURNEY], tx))[JOURNEY]
    watched = [replace(fact, payload=Watched(fact.type, fact.payload)) for fact in facts]

    summary = fold(watched)
    journey = assemble(
        JOURNEY, summary, Evidence(), [], [], roles=frozenset({"auditor"}), now=summary.last.said_at
    )
    reason_of(
        replace(summary, state="open"), Evidence(), now=summary.last.said_at + timedelta(days=30)
    )

    assert {step.type for step in journey.steps} == FACTS.keys()


@pytest.mark.parametrize("fact", FACTS.values(), ids=lambda fact: fact.name)
def test_console_shows_events_with_nulls_and_unknown_enum_values(fact: type[Event]) -> None:
    """The console keeps any JSON; its consumer contract claims that it can show it."""
    for _, value in variants(fact):
        about = Fact(
            event_id=new_id(),
            type=fact.name,
            source="/ltc/test",
            subject=str(uuid4()),
            sequence=1,
            said_at=datetime(2026, 11, 2, tzinfo=UTC),
            causation_id=None,
            trace_id=None,
            payload=Watched(fact.name, value),
        )
        summary = fold([about])
        later = about.said_at + timedelta(days=1)

        told = assemble(
            JOURNEY, summary, Evidence(), [], [], roles=frozenset({"auditor"}), now=later
        )

        assert told.steps[0].payload == value
        EVIDENCE.of("console", fact.name).handled.append(value)
