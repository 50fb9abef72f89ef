"""The fields of a fact for people to read: what each says, in which unit, and if it is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from contracts.known import KNOWN
from contracts.schema import Schema, branches, inlined

_COUNTED: Final = {
    "days": "days",
    "net_days": "days",
    "validity_days": "days",
    "overdue_for_s": "seconds",
    "percent": "percent",
    "discount_percent": "percent",
    "tax_percent": "percent",
    "quantity": "pieces",
    "ordered": "pieces",
    "shipped": "pieces",
    "delivered": "pieces",
    "cancelled": "pieces",
    "score": "points",
    "n": "position, from 1",
    "line_no": "position, from 1",
    "schedule_item": "position, from 1",
    "request_no": "position, from 1",
    "version": "position, from 1",
    "by_version": "position, from 1",
    "quote_version": "position, from 1",
}
"""Units of plain numbers, by the field's name. A number that is not here is not published."""
_FORMS: Final = {"date-time": "RFC 3339, with offset", "date": "calendar day"}


class Field(NamedTuple):
    """One row of a fact's table."""

    path: str
    kind: str
    unit: str
    required: bool
    nullable: bool
    personal: bool
    known: tuple[str, ...]
    meaning: str


class WithoutUnit(ValueError):
    """A number whose unit nobody stated."""


def fields(schema: Schema) -> list[Field]:
    """All fields, parts before what is in them, in the order of the fact. Raises WithoutUnit."""
    return list(_fields(inlined(schema), ""))


def _fields(node: Schema, at: str) -> Iterator[Field]:
    for kind in branches(node).values():
        required = kind.get("required", ())
        for name, child in kind.get("properties", {}).items():
            yield _field(f"{at}/{name}", child, required=name in required)
            yield from _below(child, f"{at}/{name}")


def _below(node: Schema, at: str) -> Iterator[Field]:
    """What is inside a field; an amount of money is one thing, though two on the wire."""
    for kind in branches(node).values():
        if kind.get("title") == "Money":
            continue
        yield from _fields(kind, at)
        if isinstance(kind.get("items"), dict):
            yield from _below(kind["items"], f"{at}/*")


def _field(path: str, node: Schema, *, required: bool) -> Field:
    kinds = branches(node)
    told = [kind for name, kind in kinds.items() if name != "null"] or [node]
    first = told[0]
    return Field(
        path=path,
        kind=" or ".join(dict.fromkeys(_kind(kind) for kind in told)),
        unit=_unit(path, first),
        required=required,
        nullable="null" in kinds,
        personal=any(part.get("x-personal") for part in (node, *told)),
        known=next((tuple(part[KNOWN]) for part in (node, *told) if KNOWN in part), ()),
        meaning=" ".join((node.get("description") or first.get("description") or "").split()),
    )


def _kind(node: Schema) -> str:
    if node.get("title") == "Money":
        return "money"
    if node.get("type") == "array":
        return f"list of {_kind(node.get('items', {}))}"
    form = {"date-time": "instant", "date": "date", "uuid": "id"}.get(node.get("format", ""))
    kind = str(form or node.get("type", "anything"))
    return {"string": "text", "object": "part", "boolean": "yes or no"}.get(kind, kind)


def _unit(path: str, node: Schema) -> str:
    if node.get("title") == "Money":
        return "decimal text, ISO 4217"
    if node.get("type") in {"integer", "number"}:
        name = path.rpartition("/")[2]
        if name not in _COUNTED:
            raise WithoutUnit(f"{path} is a number without a unit: say it in contracts.fields")
        return _COUNTED[name]
    return _FORMS.get(node.get("format", ""), "")
