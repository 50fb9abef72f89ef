"""Samples read by the models: what was promised is still read, whole, to the microsecond."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from contracts.advice import Breach
from contracts.envelope import Envelope, MalformedEnvelope
from contracts.event import Event

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_EXACT = "2026-03-02T08:30:00.123457+08:00"


def read_fixtures(fixtures: Mapping[str, str], facts: Mapping[str, type[Event]]) -> list[Breach]:
    """Every sample ever promised must be read, and nothing it says be lost."""
    found = []
    for name, text in fixtures.items():
        fact = facts.get(name)
        if fact is None:
            continue
        golden = json.loads(text)
        try:
            envelope = Envelope.from_headers(
                [(k, v.encode()) for k, v in golden["headers"].items()]
            )
            value = fact.model_validate(golden["value"])
            again = json.loads(value.model_dump_json())
        except (ValidationError, MalformedEnvelope) as error:
            first = str(error).replace("\n", " ")
            found.append(Breach(name, "", "fixture-unreadable", first))
            continue
        gone = golden["headers"].keys() - dict(envelope.to_headers()).keys()
        found += [
            Breach(name, "", "header-lost", f"{h} is not sent any more") for h in sorted(gone)
        ]
        if value.key_value() != UUID(golden["headers"]["ce_partitionkey"]):
            found.append(Breach(name, "", "key-changed", "the key is made from another field"))
        times = list(_instants(fact, golden["value"]))
        found += times
        found += [
            Breach(name, where, "fixture-unreadable", "is lost or altered in reading")
            for where in lost(golden["value"], again)
            if where not in {b.field for b in times}
        ]
    return found


def lost(before: Any, after: Any, at: str = "") -> Iterator[str]:
    """Pointers to what one JSON value says and the other does not."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            if name in after:
                yield from lost(value, after[name], f"{at}/{name}")
            else:
                yield f"{at}/{name}"
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from lost(one, other, f"{at}/{index}")
    elif before != after:
        yield at


def _instants(fact: type[Event], value: dict[str, Any]) -> Iterator[Breach]:
    """Each instant of a sample is read with its offset, and to the microsecond."""
    for where in list(_where_instants(value, ())):
        at = "".join(f"/{step}" for step in where)
        if _reads(fact, value, where, _EXACT[:-6]) is not None:
            yield Breach(fact.name, at, "time-changed", "an instant without offset is taken")
        read = _reads(fact, value, where, _EXACT)
        if read is None or read != datetime.fromisoformat(_EXACT):
            yield Breach(fact.name, at, "time-changed", f"{_EXACT} is read as {read}")


def _where_instants(value: Any, at: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _where_instants(child, (*at, name))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _where_instants(child, (*at, index))
    elif isinstance(value, str) and _INSTANT.fullmatch(value):
        yield at


def _reads(
    fact: type[Event], value: dict[str, Any], where: tuple[str | int, ...], text: str
) -> datetime | None:
    """What a model makes of an instant, said anew; none when it refuses."""
    asked: Any = copy.deepcopy(value)
    node = asked
    for step in where[:-1]:
        node = node[step]
    node[where[-1]] = text
    try:
        said: Any = json.loads(fact.model_validate(asked).model_dump_json())
        for step in where:
            said = said[step]
        return datetime.fromisoformat(said)
    except (ValidationError, KeyError, TypeError, ValueError):
        return None
