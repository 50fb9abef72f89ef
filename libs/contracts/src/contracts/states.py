"""States: what the facts of an aggregate told of it, merged. Topics, names, and their schemas.

A state is no fact: nobody decides it, and nobody hears it to act. Its rule is
``{**before, **data}`` over the facts of one aggregate in the order of their sequence, without those
about gates, which tell who has to act.
"""

from __future__ import annotations

from typing import Any, Final

from contracts.catalog import FACTS, PARTITIONS, STAGES
from contracts.envelope import SCHEMA_PATH
from contracts.journey import GateFact
from contracts.schema import DIALECT, Schema, inlined, schema_of

STATES: Final = {f"ltc.{stage}.state.v1": stage for stage in STAGES}


def tells_of_state(name: str) -> bool:
    """Whether facts of a type say something of their aggregate itself. Gates move its sequence on
    and leave the state as it was. A type that nobody knows here does."""
    fact = FACTS.get(name)
    return fact is None or not issubclass(fact, GateFact)


def state_schema_of(stage: str) -> Schema:
    """The schema of a stage's states: every field that some fact of the stage tells, as it tells
    it; none is required, since which are there depends on what was told so far."""
    ways: dict[str, list[Any]] = {}
    for fact in FACTS.values():
        if fact.topic == f"ltc.{stage}.v1" and tells_of_state(fact.name):
            for name, way in inlined(schema_of(fact)).get("properties", {}).items():
                known = ways.setdefault(name, [])
                if way not in known:
                    known.append(way)
    name = f"ltc.{stage}.state.v1"
    return {
        "$schema": DIALECT,
        "$id": f"{SCHEMA_PATH}/{name}",
        "x-type": name,
        "x-topic": name,
        "x-partitions": PARTITIONS,
        "x-producer": "hub",
        "title": f"State of {stage}",
        "description": "What the facts of one aggregate told of it, the newest of each field.",
        "type": "object",
        "properties": {
            field: told[0] if len(told) == 1 else {"anyOf": told}
            for field, told in sorted(ways.items())
        },
    }
