"""Which facts an endpoint gets. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hub.events import known_types


@dataclass(frozen=True, slots=True)
class Choice:
    """A subscriber's filter. Empty of a kind: all."""

    types: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    least_minor: int | None = None
    currency: str | None = None
    """With ``least_minor``: facts of so much or more in this currency; one without an amount is
    none of them."""

    @classmethod
    def of(cls, row: Any) -> Choice:
        """The filter of an endpoint's row."""
        return cls(
            tuple(row["types"]),
            tuple(row["stages"]),
            tuple(row["owners"]),
            row["least_minor"],
            row["currency"],
        )

    def admits(self, fact: Any) -> bool:
        """Whether a row of the feed is asked for."""
        if self.types and not _named(self.types, fact["type"]):
            return False
        if self.stages and fact["stage"] not in self.stages:
            return False
        if self.owners and fact["owner"] not in self.owners:
            return False
        if self.least_minor is None:
            return True
        return (
            fact["currency"] == self.currency
            and fact["amount_minor"] is not None
            and fact["amount_minor"] >= self.least_minor
        )


@lru_cache(maxsize=8192)
def _named(patterns: tuple[str, ...], type_: str) -> bool:
    return bool(known_types(patterns, (type_,))[0])


def unknown(patterns: Sequence[str], known: Sequence[str]) -> str | None:
    """The first pattern that names no type of fact."""
    strange = known_types(patterns, known)[1]
    return strange[0] if strange else None
