"""A value read against a published schema: the small part of JSON Schema that facts use.

Written out because the contracts depend on pydantic alone; tests hold it against a full validator.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from contracts.schema import Schema, inlined

Refusal = tuple[str, str]
"""Where (JSON pointer) and why."""

_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("no offset")
    return instant


_FORMATS: Final[dict[str, Callable[[str], object]]] = {
    "uuid": UUID,
    "date": date.fromisoformat,
    "date-time": _instant,
}


def refusal(schema: Schema, value: Any) -> Refusal | None:
    """The first thing about the value that the schema refuses; none when it takes it."""
    return _refusal(inlined(schema), value, "")


def _refusal(schema: Schema, value: Any, at: str) -> Refusal | None:
    options: list[Schema] | None = schema.get("anyOf")
    if options:
        refusals = [r for option in options if (r := _refusal(option, value, at))]
        # The branch that got furthest tells most.
        furthest = max(refusals, key=lambda r: len(r[0]), default=None)
        return furthest if len(refusals) == len(options) else None
    kind = schema.get("type")
    if kind and not _is(value, kind):
        return at, f"is no {kind}"
    if isinstance(value, str):
        return _text_refusal(schema, value, at)
    if isinstance(value, list):
        parts = ((schema.get("items", {}), v, f"{at}/{i}") for i, v in enumerate(value))
        return next((r for p in parts if (r := _refusal(*p))), None)
    if isinstance(value, dict):
        for name in schema.get("required", ()):
            if name not in value:
                return f"{at}/{name}", "is missing"
        known = schema.get("properties", {})
        fields = ((known[n], v, f"{at}/{n}") for n, v in value.items() if n in known)
        return next((r for f in fields if (r := _refusal(*f))), None)
    return None


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _KINDS[kind])


def _text_refusal(schema: Schema, value: str, at: str) -> Refusal | None:
    pattern = schema.get("pattern")
    if pattern and not re.search(pattern, value):
        return at, f"does not look like {pattern}"
    if "enum" in schema and value not in schema["enum"]:
        return at, f"{value!r} is not among the known values"
    read = _FORMATS.get(schema.get("format", ""))
    if read:
        try:
            read(value)
        except ValueError:
            return at, f"is no {schema['format']}"
    return None
