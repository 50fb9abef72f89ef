"""Which facts somebody asks for, as people write it: ``deal.*``, ``invoice.paid``."""

from __future__ import annotations

import re
from collections.abc import Iterable

from contracts.catalog import FACTS, PUBLIC_TOPICS

_PATTERN = re.compile(r"(ltc\.)?[a-z_]+(\.[a-z_]+)?(\.v[0-9]+)?(\.?\*)?")


class Types:
    """A choice of types; none named means all. The prefix ``ltc.`` and the version may be left
    out, and a star at the end stands for whatever follows."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self.patterns = (patterns,) if isinstance(patterns, str) else tuple(patterns)
        for pattern in self.patterns:
            if pattern != "*" and not _PATTERN.fullmatch(pattern):
                raise ValueError(f"{pattern!r} names no type: write deal.* or ltc.deal.won.v1")
        self._matches = re.compile("|".join(map(_expression, self.patterns)) or ".*").fullmatch

    def wants(self, name: str) -> bool:
        return self._matches(name) is not None

    def topics(self) -> list[str]:
        """Where the facts asked for are said. A type that we do not know may be said anywhere."""
        found: set[str] = set()
        for pattern in self.patterns or ("*",):
            one = re.compile(_expression(pattern))
            known = {fact.topic for name, fact in FACTS.items() if one.fullmatch(name)}
            found |= known or set(PUBLIC_TOPICS)
        return sorted(found)

    def stages(self) -> list[str]:
        """Whose facts those are."""
        return [topic.split(".")[1] for topic in self.topics()]


def _expression(pattern: str) -> str:
    name = pattern.removeprefix("ltc.")
    if name.endswith("*"):
        return rf"ltc\.{re.escape(name[:-1])}.*"
    version = "" if re.search(r"\.v[0-9]+$", name) else r"\.v[0-9]+"
    return rf"ltc\.{re.escape(name)}{version}"
