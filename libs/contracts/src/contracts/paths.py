"""Where things are in a fact: ``/lines/*/sku`` is a field, ``/account/**`` all of a part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from contracts.known import KNOWN
from contracts.schema import Schema, branches, inlined

WHOLE: Final = "/**"


class Place(NamedTuple):
    """What a schema says of one field."""

    nullable: bool
    required: bool
    known: tuple[str, ...]
    """Values that are said today; empty where any text is."""


def places(schema: Schema) -> dict[str, Place]:
    """Every field of a fact by its path, those inside lists under ``*``."""
    return dict(_places(inlined(schema), ""))


def _places(node: Schema, at: str) -> Iterator[tuple[str, Place]]:
    for kind in branches(node).values():
        required = kind.get("required", ())
        for name, child in kind.get("properties", {}).items():
            yield f"{at}/{name}", _place(child, required=name in required)
            yield from _places(child, f"{at}/{name}")
        if isinstance(kind.get("items"), dict):
            yield f"{at}/*", _place(kind["items"], required=True)
            yield from _places(kind["items"], f"{at}/*")


def _place(node: Schema, *, required: bool) -> Place:
    kinds = branches(node)
    known = next((tuple(k[KNOWN]) for k in (node, *kinds.values()) if KNOWN in k), ())
    return Place("null" in kinds, required, known)


def steps(path: str) -> list[str]:
    """A path and those above it: ``/a``, ``/a/*``, ``/a/*/b``."""
    names = path.removesuffix(WHOLE).split("/")
    return ["/".join(names[:n]) for n in range(2, len(names) + 1)]


def values_at(value: Any, path: str) -> Iterator[Any]:
    """What a fact says at a path: one value, none, or one for each item of a list."""
    nodes = [value]
    for name in path.removesuffix(WHOLE).split("/")[1:]:
        below = [n if isinstance(n, list) else [] for n in nodes] if name == "*" else []
        fields = [n[name] for n in nodes if isinstance(n, dict) and name in n]
        nodes = [item for items in below for item in items] if name == "*" else fields
    yield from nodes


def normal(reads: Iterable[str]) -> list[str]:
    """Paths without those that others imply: a field implies the parts it lies in."""
    given = set(reads)
    whole = {path for path in given if path.endswith(WHOLE)}
    kept = {p for p in given if not inside(p, whole - {p})}
    return sorted(p for p in kept if not any(q.startswith(f"{p}/") for q in kept))


def covers(stated: Iterable[str], path: str) -> bool:
    """Whether stated paths tell of this one."""
    given = set(stated)
    deeper = any(q.startswith(f"{path}/") for q in given)
    return path in given or deeper or inside(path, {q for q in given if q.endswith(WHOLE)})


def inside(path: str, wholes: Iterable[str]) -> bool:
    """Whether a path leads into a part that is kept whole, or to it."""
    return any(f"{path}/".startswith(f"{w.removesuffix(WHOLE)}/") for w in wholes)
