"""How long a fact is said: what changed in it and when, and who must leave a version that ends."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from contracts.catalog import DEPRECATED, FACTS
from contracts.needs import Hearer, expanded
from contracts.paths import Place, places
from contracts.schema import Schema

CHANGES: Final = Path("src/contracts/changes.json")
"""Written by ``python -m contracts.generate`` whenever it writes a schema anew."""


class Change(NamedTuple):
    """What a day brought to one fact."""

    day: str
    type: str
    what: str


class Ending(NamedTuple):
    """What is to be needed instead of a type, and until when it is said."""

    instead: str
    ends: date | None

    def __str__(self) -> str:
        until = f"said until {self.ends}" if self.ends else "no end is set"
        return f"{self.instead} instead; {until}"


class Straggler(NamedTuple):
    """A subscriber that still needs a version that ends or has a successor."""

    consumer: str
    contact: str
    type: str
    ending: Ending

    def __str__(self) -> str:
        return f"{self.consumer} needs {self.type}: {self.ending}; {self.contact}"


def version_of(name: str) -> tuple[str, int]:
    """``ltc.deal.won.v1`` is version 1 of ``ltc.deal.won``."""
    stem, _, version = name.rpartition(".v")
    return stem, int(version)


def versions(stem: str, names: Iterable[str]) -> list[str]:
    """All types of one fact that are said, the oldest first."""
    return sorted((n for n in names if version_of(n)[0] == stem), key=version_of)


def successor(name: str, names: Iterable[str]) -> str | None:
    """What to need instead of a type that has an end or a newer version; none while it is fresh."""
    if name in DEPRECATED:
        return DEPRECATED[name].instead
    newest = versions(version_of(name)[0], names)[-1]
    return newest if newest != name else None


def endings(names: Iterable[str] = FACTS) -> dict[str, Ending]:
    """Every type that has an end or a newer version."""
    known = list(names)
    return {
        name: Ending(instead, DEPRECATED[name].ends if name in DEPRECATED else None)
        for name in known
        if (instead := successor(name, known))
    }


def stragglers(hearers: Mapping[str, Hearer], names: Iterable[str] = FACTS) -> list[Straggler]:
    """Who still uses an old version, and until when it is said."""
    old = endings(names)
    return [
        Straggler(hearer.consumer, hearer.contact, name, old[name])
        for hearer in hearers.values()
        for name in expanded(hearer)
        if name in old
    ]


def recorded(package: Path) -> list[Change]:
    """Every change so far, the oldest first."""
    file = package / CHANGES
    return [Change(*row) for row in json.loads(file.read_text("utf-8"))] if file.exists() else []


def as_rows(changes: Iterable[Change]) -> str:
    """The record as committed: one change a line, so that two branches merge."""
    rows = ",\n".join(json.dumps(list(change), ensure_ascii=False) for change in changes)
    return f"[\n{rows}\n]\n"


def changed(old: Schema | None, new: Schema) -> Iterator[str]:
    """What a subscriber would notice between two states of one type."""
    if old is None:
        yield "said from now on"
        return
    if new.get("deprecated") and not old.get("deprecated"):
        yield f"deprecated; said until {new['x-ends']}, {new['x-instead']} instead"
    before, after = places(old), places(new)
    for path in after.keys() - before.keys():
        if path.rpartition("/")[0] not in after.keys() - before.keys():
            yield f"{path} is new"
    for path in before.keys() - after.keys():
        yield f"{path} is gone"
    for path in before.keys() & after.keys():
        yield from _retold(path, before[path], after[path])


def _retold(path: str, was: Place, now: Place) -> Iterator[str]:
    fresh = [value for value in now.known if value not in was.known]
    if fresh and was.known:
        yield f"{path} may say {', '.join(fresh)}"
    if now.nullable and not was.nullable:
        yield f"{path} may be null"
