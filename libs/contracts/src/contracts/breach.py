"""Two schemas of one fact compared: what a hearer or a speaker of the old one would stumble over.

Plain schema dictionaries in, breaches out. The yardstick is both ways: old hearers read new facts,
and new hearers read old ones, for ever.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from contracts.advice import Breach
from contracts.marks import lost_marks, new_personal
from contracts.schema import Edit, Schema, branches, inlined
from contracts.wording import taken_back, unit_change

_UPPER: Final = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
_LOWER: Final = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_EXACT: Final = frozenset({"pattern", "format", "multipleOf", "uniqueItems"})
_MARKS: Final = (
    ("x-key", "key-changed"),
    ("x-topic", "topic-changed"),
    ("x-partitions", "partitions-changed"),
)


def compare(old: Schema, new: Schema) -> list[Breach]:
    """Every breach that the new schema of a fact commits against the old one."""
    name = str(old.get("x-type", old.get("title", "?")))
    found = [
        Breach(name, "", rule, f"{old.get(mark)} became {new.get(mark)}")
        for mark, rule in _MARKS
        if mark in old and old.get(mark) != new.get(mark)
    ]
    was, now = inlined(old), inlined(new)
    edits = [*_edits(was, now, ""), *new_personal(was, now)]
    return found + [Breach(name, where, rule, detail) for where, rule, detail in edits]


def _edits(old: Schema, new: Schema, at: str) -> Iterator[Edit]:
    """Where, which rule, what happened: for one node and all below it."""
    yield from _meaning(old, new, at)
    yield from lost_marks(old, new, at)
    old_kinds, new_kinds = branches(old), branches(new)
    if _is_money(old_kinds) != _is_money(new_kinds):
        yield at, "money-changed", f"{_listed(old_kinds)} became {_listed(new_kinds)}"
        return
    if set(old_kinds) - {"null"} != set(new_kinds) - {"null"}:
        yield at, "type-changed", f"{_listed(old_kinds)} became {_listed(new_kinds)}"
        return
    if "null" in new_kinds and "null" not in old_kinds:
        yield at, "null-allowed", "new facts may say null, which present hearers do not expect"
    if "null" in old_kinds and "null" not in new_kinds:
        yield at, "null-forbidden", "old facts say null"
    for kind in old_kinds.keys() & new_kinds.keys():
        before, after = old_kinds[kind], new_kinds[kind]
        yield from _values(before, after, at)
        yield from _constraints(before, after, at)
        yield from _properties(before, after, at)
        if isinstance(before.get("items"), dict) and isinstance(after.get("items"), dict):
            yield from _edits(before["items"], after["items"], f"{at}/*")


def _meaning(old: Schema, new: Schema, at: str) -> Iterator[Edit]:
    was, now = old.get("description"), new.get("description")
    unit = unit_change(was, now)
    if old.get("x-unit") != new.get("x-unit"):
        unit = f"{old.get('x-unit')} became {new.get('x-unit')}"
    if unit is not None:
        yield at, "unit-changed", unit
    elif gone := taken_back(was, now):
        yield at, "meaning-changed", gone
    if "default" in old and old.get("default") != new.get("default", old.get("default")):
        yield at, "default-changed", f"{old['default']!r} became {new['default']!r}"


def _values(old: Schema, new: Schema, at: str) -> Iterator[Edit]:
    before, after = _allowed(old), _allowed(new)
    if before == after:
        return
    if after is not None and (before is None or before - after):
        gone = "any other value" if before is None else ", ".join(sorted(before - after))
        yield at, "enum-narrowed", f"no longer allows {gone}"
    if before is not None and (after is None or after - before):
        fresh = "any value" if after is None else ", ".join(sorted(after - before))
        yield at, "enum-widened", f"now allows {fresh}, which present hearers refuse"


def _allowed(schema: Schema) -> frozenset[str] | None:
    values: list[Any] | None = [schema["const"]] if "const" in schema else schema.get("enum")
    return None if values is None else frozenset(json.dumps(v) for v in values)


def _constraints(old: Schema, new: Schema, at: str) -> Iterator[Edit]:
    for word in sorted(_UPPER | _LOWER):
        was, now = old.get(word), new.get(word)
        if was == now:
            continue
        tighter = now is not None and (was is None or (now < was) == (word in _UPPER))
        rule = "constraint-tightened" if tighter else "constraint-loosened"
        yield at, rule, f"{word} {was} became {now}"
    for word in sorted(_EXACT):
        was, now = old.get(word), new.get(word)
        if was != now:
            rule = "constraint-loosened" if now is None else "constraint-tightened"
            yield at, rule, f"{word} {was} became {now}"


def _properties(old: Schema, new: Schema, at: str) -> Iterator[Edit]:
    before: Schema = old.get("properties", {})
    after: Schema = new.get("properties", {})
    was_required, is_required = set(old.get("required", ())), set(new.get("required", ()))
    fresh = [name for name in after if name not in before]
    for name, field in before.items():
        where = f"{at}/{name}"
        if name not in after:
            heir = next((f for f in fresh if _shape(after[f]) == _shape(field)), None)
            if heir is None:
                yield where, "field-removed", "it is gone"
            else:
                yield where, "field-renamed", f"it seems to be {heir} now"
            continue
        if name in is_required - was_required:
            yield where, "became-required", "old facts may lack it"
        if name in was_required - is_required:
            yield where, "became-optional", "new facts may lack it"
        yield from _edits(field, after[name], where)
    for name in fresh:
        if name in is_required:
            yield f"{at}/{name}", "required-added", "old facts lack it"
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
        yield at, "closed", "unknown fields are refused"


def _is_money(kinds: dict[str, Schema]) -> bool:
    return any(kind.get("title") == "Money" for kind in kinds.values())


def _shape(schema: Schema) -> str:
    """A field without its words, to recognise it under another name."""
    silent = {k: v for k, v in schema.items() if k not in ("title", "description", "default")}
    return json.dumps(silent, sort_keys=True)


def _listed(kinds: dict[str, Schema]) -> str:
    return " or ".join(sorted(kinds))


def same_shape(old: Schema, new: Schema) -> bool:
    """Whether two facts hold the same fields, whatever they are called."""
    return _shape(inlined(old).get("properties", {})) == _shape(inlined(new).get("properties", {}))
