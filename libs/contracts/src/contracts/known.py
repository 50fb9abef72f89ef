"""Values that are said today, where any text may be said tomorrow."""

from __future__ import annotations

from pydantic import JsonValue

KNOWN = "x-extensible-enum"


def known(*values: str) -> dict[str, JsonValue]:
    """The values that are said today. Others may come: a hearer must expect them."""
    return {KNOWN: list(values)}
