"""Two schemas of one fact compared: what a hearer or a speaker of the old one would stumble over.

Plain schema dictionaries in, breaches out. The yardstick is both ways: old hearers read new facts,
and new hearers read old ones, for ever.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from contracts.schema import Schema, inlined

ADVICE: Final[dict[str, str]] = {
    "field-removed": "keep it and fill it; leave it out of a new version published beside this one",
    "field-renamed": "add the new name as an optional field and fill both",
    "type-changed": "add an optional field of the new type under another name and fill both",
    "required-added": "make the new field optional",
    "became-required": "leave it optional; require it in a new version",
    "became-optional": "keep it required: present hearers count on it",
    "constraint-tightened": "keep the constraint; tighten at the API, where the text comes in",
    "constraint-loosened": "keep it: present hearers refuse what it would let through",
    "enum-narrowed": "keep the value, even if nobody says it any more",
    "enum-widened": "make it open text with known values, in a new version",
    "closed": "keep it open to unknown fields",
    "meaning-changed": "keep the wording and say the other thing in a new optional field",
    "personal-unmarked": "keep the mark: others delete and mask by it",
    "default-changed": "keep the default: it is what an old fact without the field means",
    "key-changed": "publish a new version: order and partitions hang on the key",
    "topic-changed": "publish a new version on the other topic beside this one",
    "type-removed": "keep saying it until nobody hears it, then retire the version openly",
    "fixture-edited": "put it back; a new sample belongs to a new version",
    "fixture-removed": "put it back; it is what this version has promised",
    "fixture-unreadable": "make the model read it again",
    "sample-unreadable": "say nothing that the published schema refuses",
}

_UPPER: Final = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
_LOWER: Final = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_EXACT: Final = frozenset({"pattern", "format", "multipleOf", "uniqueItems", "x-unit"})


@dataclass(frozen=True, slots=True)
class Breach:
    """One edit that breaks somebody."""

    type: str
    field: str
    """JSON pointer into the value; empty for the fact itself."""
    rule: str
    detail: str

    def __str__(self) -> str:
        where = f" {self.field}" if self.field else ""
        return f"{self.type}{where}: {self.rule}: {self.detail}. Instead: {ADVICE[self.rule]}."


def compare(old: Schema, new: Schema) -> list[Breach]:
    """Every breach that the new schema of a fact commits against the old one."""
    name = str(old.get("x-type", old.get("title", "?")))
    found = [
        Breach(name, "", rule, f"{old.get(mark)} became {new.get(mark)}")
        for mark, rule in (("x-key", "key-changed"), ("x-topic", "topic-changed"))
        if old.get(mark) != new.get(mark)
    ]
    edits = _edits(inlined(old), inlined(new), "")
    return found + [Breach(name, where, rule, detail) for where, rule, detail in edits]


Edit = tuple[str, str, str]


def _edits(old: Schema, new: Schema, at: str) -> Iterator[Edit]:
    """Where, which rule, what happened: for one node and all below it."""
    yield from _meaning(old, new, at)
    old_kinds, new_kinds = _branches(old), _branches(new)
    if set(old_kinds) != set(new_kinds):
        yield at, "type-changed", f"{_listed(old_kinds)} became {_listed(new_kinds)}"
        return
    for kind, before in old_kinds.items():
        after = new_kinds[kind]
        yield from _values(before, after, at)
        yield from _constraints(before, after, at)
        yield from _properties(before, after, at)
        if isinstance(before.get("items"), dict) and isinstance(after.get("items"), dict):
            yield from _edits(before["items"], after["items"], f"{at}/*")


def _branches(schema: Schema) -> dict[str, Schema]:
    """A node by kind of value: ``anyOf`` branches apart, null among them."""
    options = schema.get("anyOf") or schema.get("oneOf") or [schema]
    branches: dict[str, Schema] = {}
    for option in options:
        kinds = option.get("type", "any")
        for kind in kinds if isinstance(kinds, list) else [kinds]:
            title = option.get("title") if kind == "object" else None
            branches[f"{kind} {title}" if title and len(options) > 2 else str(kind)] = option
    return branches


def _meaning(old: Schema, new: Schema, at: str) -> Iterator[Edit]:
    was, now = _words(old.get("description")), _words(new.get("description"))
    if was and was != now:
        yield at, "meaning-changed", f'"{was}" became "{now or "nothing"}"'
    if "default" in old and old.get("default") != new.get("default", old.get("default")):
        yield at, "default-changed", f"{old['default']!r} became {new['default']!r}"


def _words(text: object) -> str:
    return " ".join(text.split()) if isinstance(text, str) else ""


def _values(old: Schema, new: Schema, at: str) -> Iterator[Edit]:
    if old.get("x-personal") and not new.get("x-personal"):
        yield at, "personal-unmarked", "x-personal is gone"
    titles = (old.get("title"), new.get("title"))
    if "Money" in titles and len(set(titles)) > 1:
        yield at, "type-changed", f"{titles[0]} became {titles[1]}"
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


def _shape(schema: Schema) -> str:
    """A field without its words, to recognise it under another name."""
    silent = {k: v for k, v in schema.items() if k not in ("title", "description", "default")}
    return json.dumps(silent, sort_keys=True)


def _listed(kinds: dict[str, Schema]) -> str:
    return " or ".join(sorted(kinds))
