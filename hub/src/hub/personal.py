"""Which part of a fact tells of no person, by the marks in its schema.

What the schema does not know is left out as well: a field that a newer speaker has added may tell
of a person, and only its own schema would say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, reduce
from typing import Any

from contracts.catalog import FACTS, STATE_TOPICS
from contracts.schema import Schema, branches, inlined, schema_of


@dataclass(frozen=True, slots=True)
class Part:
    """What may be seen of a value. Without any of the three, a value is seen whole."""

    fields: Mapping[str, Part | None] | None = None
    """Of an object: its known fields; none for those that tell of a person."""
    items: Part | None = None
    values: Part | None = None
    """Of an object that is a table: its values."""

    def of(self, value: Any) -> Any:
        """The value without what is not to be seen."""
        if isinstance(value, dict) and self.fields is not None:
            parts = self.fields
            return {n: part.of(v) for n, v in value.items() if (part := parts.get(n)) is not None}
        if isinstance(value, dict) and self.values is not None:
            return {name: self.values.of(v) for name, v in value.items()}
        if isinstance(value, list) and self.items is not None:
            return [self.items.of(v) for v in value]
        return value


WHOLE = Part()
NOTHING = Part(fields={})


def without_personal(type_: str, data: Any) -> Any:
    """A fact's data without what tells of a person."""
    return _of_type(type_).of(data)


@cache
def _of_type(type_: str) -> Part:
    if type_ in STATE_TOPICS:
        return _of_state(type_)
    fact = FACTS.get(type_)
    seen = part_of(inlined(schema_of(fact))) if fact is not None else None
    return seen or NOTHING


def _of_state(type_: str) -> Part:
    """Of a state: what may be seen in every fact that tells of it."""
    topic = type_.replace(".state.", ".")
    parts = [_of_type(name) for name, fact in FACTS.items() if fact.topic == topic]
    return reduce(lambda one, other: join(one, other) or NOTHING, parts, NOTHING)


def part_of(schema: Schema) -> Part | None:
    """What may be seen of values of a schema; none when they are marked as personal."""
    kinds = list(branches(schema).values())
    if schema.get("x-personal") or any(kind.get("x-personal") for kind in kinds):
        return None
    seen: Part = WHOLE
    for kind in kinds:
        below = _of_kind(kind)
        if below is None:
            return None
        joined = join(seen, below)
        if joined is None:
            return None
        seen = joined
    return seen


def _of_kind(kind: Schema) -> Part | None:
    if "properties" in kind:
        return Part(fields={name: part_of(below) for name, below in kind["properties"].items()})
    if isinstance(kind.get("items"), dict):
        items = part_of(kind["items"])
        return None if items is None else Part(items=items)
    if isinstance(kind.get("additionalProperties"), dict):
        values = part_of(kind["additionalProperties"])
        return None if values is None else Part(values=values)
    return WHOLE


def join(one: Part | None, other: Part | None) -> Part | None:
    """What may be seen of a value that is of one kind or of the other."""
    if one is None or other is None:
        return None
    fields = one.fields if other.fields is None else other.fields
    if one.fields is not None and other.fields is not None:
        fields = {
            name: join(one.fields[name], other.fields[name])
            if name in one.fields and name in other.fields
            else {**one.fields, **other.fields}[name]
            for name in (*one.fields, *(n for n in other.fields if n not in one.fields))
        }
    return Part(fields, _either(one.items, other.items), _either(one.values, other.values))


def _either(one: Part | None, other: Part | None) -> Part | None:
    return join(one, other) if one is not None and other is not None else one or other
