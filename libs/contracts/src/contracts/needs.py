"""What hearers need of the facts: one file each under ``consumers/``, ours and other people's.

``python -m contracts.needs`` checks every file against the facts as they are now, and exits 1 when
one asks for what is not there or leaves open what it makes of null and of known values.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from contracts.catalog import FACTS
from contracts.paths import WHOLE, Place, places, steps, values_at
from contracts.schema import PACKAGE, schema_of
from contracts.schema_reader import refusal

CONSUMERS = Path("consumers")
ANY: Final = "*"
"""Among values: any other text too. As a type: every fact."""
HEADERS = (
    "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_sequence", "ce_correlationid",
    "ce_causationid", "ce_partitionkey", "ce_specversion", "ce_dataschema", "content-type",
    "traceparent", "tracestate",
)  # fmt: skip

Catalogue = Mapping[str, Mapping[str, Place]]
"""The fields of each type."""


class Need(BaseModel):
    """What one hearer needs of one fact."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reads: tuple[str, ...]
    """Fields; a part that is kept as it came ends in ``/**``."""
    values: dict[str, tuple[str, ...]] = {}
    """At fields with known values: those it can handle; ``*`` for any other text too."""
    null: dict[str, Literal["taken", "never"]] = {}
    """At fields that may be null: whether it copes, or counts on a value."""
    early: bool = False
    """It may be deployed before anybody says the fact, and waits for it."""


class Hearer(BaseModel):
    """A subscriber and its needs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    consumer: str
    contact: str
    """Whom to ask before its needs are broken."""
    runs_in: tuple[str, ...] = ()
    """Environments it is always in, ``*`` for each; empty for what `ltc deployed` records."""
    headers: tuple[str, ...]
    needs: dict[str, Need]


class Misfit(NamedTuple):
    """A need that is not met."""

    consumer: str
    type: str
    field: str
    detail: str

    def __str__(self) -> str:
        what = f"{self.field} of {self.type}" if self.field else self.type
        return f"{self.consumer}: {what}: {self.detail}"


class UnreadableNeeds(ValueError):
    """A file under ``consumers/`` that is none."""


def hearers(package: Path = PACKAGE) -> dict[str, Hearer]:
    """Everybody who has registered, by name. Raises UnreadableNeeds naming file and field."""
    found = {}
    for file in sorted((package / CONSUMERS).glob("*.json")):
        try:
            hearer = Hearer.model_validate_json(file.read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            where = "/".join(map(str, first["loc"]))
            raise UnreadableNeeds(f"{file.name}: {where}: {first['msg']}") from error
        if hearer.consumer != file.stem:
            raise UnreadableNeeds(f"{file.name}: is named after another than {hearer.consumer}")
        found[hearer.consumer] = hearer
    return found


def expanded(hearer: Hearer) -> dict[str, Need]:
    """Its needs type by type. Fields that it reads of every fact count where a fact has them."""
    needs = {name: need for name, need in hearer.needs.items() if name != ANY}
    everywhere = hearer.needs.get(ANY)
    if everywhere is not None:
        for name in FACTS:
            needs.setdefault(name, everywhere)
    return needs


@cache
def present() -> Mapping[str, Mapping[str, Place]]:
    """The facts of this tree."""
    return {name: places(schema_of(fact)) for name, fact in FACTS.items()}


def unmet(hearer: Hearer, catalogue: Catalogue) -> list[Misfit]:
    """What the schemas cannot give."""
    found = [
        Misfit(hearer.consumer, ANY, "", f"{header} is no header of a fact")
        for header in sorted(set(hearer.headers) - set(HEADERS))
    ]
    for name, need in expanded(hearer).items():
        if name in catalogue:
            told = _unmet(need, catalogue[name])
        else:
            told = iter([("", "nobody says it")])
        found += [Misfit(hearer.consumer, name, where, detail) for where, detail in told]
    return found


def _unmet(need: Need, fields: Mapping[str, Place]) -> Iterator[tuple[str, str]]:
    for path in need.reads:
        place = fields.get(path.removesuffix(WHOLE))
        if place is None:
            yield path, "there is no such field"
            continue
        for step in steps(path):
            if fields[step].nullable and step not in need.null:
                yield step, "it may be null: say whether that is taken, or must never be"
        if place.known and not path.endswith(WHOLE) and path not in need.values:
            yield path, f"say which values can be handled: {', '.join(place.known)}, * for others"
    for path, values in need.values.items():
        unheard_of = set(values) - {ANY} - set(fields[path].known if path in fields else ())
        if unheard_of:
            yield path, f"{', '.join(sorted(unheard_of))} is no known value"
    for path in need.null:
        if path in fields and not fields[path].nullable:
            yield path, "it is never null"


def unsaid(hearer: Hearer, said: Mapping[str, Sequence[Any]]) -> list[Misfit]:
    """Where facts as they were really said leave a need open."""
    found = []
    for name, need in expanded(hearer).items():
        values = said.get(name, ())
        told = _unsaid(need, values) if values else iter([("", "no producer's test ever said it")])
        found += [Misfit(hearer.consumer, name, where, detail) for where, detail in told]
    return found


def _unsaid(need: Need, said: Sequence[Any]) -> Iterator[tuple[str, str]]:
    for path in need.reads:
        there = [v for fact in said for v in values_at(fact, path)]
        if all(value is None for value in there):
            yield path, "no producer's test ever filled it"
        handled = need.values.get(path, (ANY,))
        others = {str(value) for value in there if value is not None} - set(handled)
        if others and ANY not in handled:
            yield path, f"{', '.join(sorted(others))} was said, which it cannot handle"
    for path, stance in need.null.items():
        if stance == "never" and any(v is None for fact in said for v in values_at(fact, path)):
            yield path, "null was said, which it never expects"


def unpublished(said: Mapping[str, Sequence[Any]]) -> Iterator[Misfit]:
    """Facts that were said otherwise than published: against the schema or its known values."""
    for name, values in said.items():
        schema = schema_of(FACTS[name])
        for value in values:
            problem = refusal(schema, value)
            if problem:
                yield Misfit("anybody", name, *problem)
        for path, place in places(schema).items():
            there = {v for fact in values for v in values_at(fact, path) if place.known}
            others = ", ".join(sorted(there - {None, *place.known}))
            if others:
                yield Misfit("anybody", name, path, f"{others} was said and is no known value")


def check(package: Path = PACKAGE) -> list[str]:
    """One line for each thing that is wrong with the stated needs."""
    try:
        registered = hearers(package)
    except UnreadableNeeds as error:
        return [str(error)]
    catalogue = present()
    return [str(m) for hearer in registered.values() for m in unmet(hearer, catalogue)]


def main(lines: Iterable[str] | None = None) -> int:
    wrong = list(check() if lines is None else lines)
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    if not wrong:
        sys.stdout.write(f"{len(hearers())} consumers: every need can be met\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
