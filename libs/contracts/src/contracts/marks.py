"""What schemas say of a field beside its type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contracts.known import KNOWN
from contracts.schema import Edit, Schema, branches


def lost_marks(old: Schema, new: Schema, at: str) -> Iterator[Edit]:
    """What was said of a field beside its type, and is no longer."""
    if _mark(old, "x-personal") and not _mark(new, "x-personal"):
        yield at, "personal-unmarked", "x-personal is gone"
    dropped = set(_mark(old, KNOWN) or ()) - set(_mark(new, KNOWN) or ())
    if dropped:
        yield at, "enum-narrowed", f"{', '.join(sorted(dropped))} is no longer a known value"


def _mark(schema: Schema, name: str) -> Any:
    """A mark on a field, or on one of the kinds of value it may have."""
    return schema.get(name) or next((k[name] for k in branches(schema).values() if name in k), None)


def new_personal(old: Schema, new: Schema) -> Iterator[Edit]:
    """New personal data in a fact that told of nobody. A mark that was forgotten may be added."""
    if next(_marked(old, ""), None) is not None:
        return
    for where in _marked(new, ""):
        if not _has(old, where):
            yield where, "personal-widened", "the fact told of no person before"


def _marked(schema: Schema, at: str) -> Iterator[str]:
    """Where personal data is marked."""
    if _mark(schema, "x-personal"):
        yield at
    for kind in branches(schema).values():
        for name, field in kind.get("properties", {}).items():
            yield from _marked(field, f"{at}/{name}")
        if isinstance(kind.get("items"), dict):
            yield from _marked(kind["items"], f"{at}/*")


def _has(schema: Schema, where: str) -> bool:
    """Whether a schema has a field."""
    nodes = [schema]
    for name in where.split("/")[1:]:
        kinds = [kind for node in nodes for kind in branches(node).values()]
        below = [
            k.get("items") if name == "*" else k.get("properties", {}).get(name) for k in kinds
        ]
        nodes = [node for node in below if isinstance(node, dict)]
    return bool(nodes)
