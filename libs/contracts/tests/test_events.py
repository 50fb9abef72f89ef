"""Rules that every event follows: samples, names, times, open enums, personal data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from contracts.catalog import CATALOG, FACTS, PARTITIONS, PUBLIC_TOPICS, STAGES, STATE_TOPICS
from contracts.deal import DealWon
from contracts.event import Event
from contracts.events_page import EXPRESS
from contracts.generate import GOLDEN, PACKAGE
from contracts.quote import QuoteExpired
from contracts.samples import SAMPLES, sample
from contracts.schema import inlined, schema_of

EVERY_FACT = pytest.mark.parametrize("name", sorted(FACTS))
BILLED = {"payment", "prepayment", "invoice", "journey"}


def golden(name: str) -> dict[str, Any]:
    text = (PACKAGE / GOLDEN / f"{name}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def written(fact: Event) -> Any:
    return json.loads(fact.model_dump_json())


def leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, child in value.items():
            yield from leaves(child, f"{at}/{name}")
    elif isinstance(value, list) and value:
        for index, child in enumerate(value):
            yield from leaves(child, f"{at}/{index}")
    else:
        yield at, value


@EVERY_FACT
def test_event_round_trip_keeps_the_golden_sample(name: str) -> None:
    value = golden(name)["value"]

    again = written(FACTS[name].model_validate_json(json.dumps(value)))

    # Fields that came later show their defaults; all that the sample says is still said.
    assert dict(leaves(again)) | dict(leaves(value)) == dict(leaves(again))


@EVERY_FACT
def test_event_sample_fills_every_field(name: str) -> None:
    said = leaves(written(SAMPLES[FACTS[name]]))
    empty = [path for path, value in said if value in (None, [], "")]

    assert empty == []


@EVERY_FACT
def test_event_ignores_unknown_fields(name: str) -> None:
    fact = SAMPLES[FACTS[name]]

    newer = FACTS[name].model_validate({**written(fact), "said_by_a_later_release": {"x": [1]}})

    assert newer == fact


@EVERY_FACT
def test_event_is_immutable(name: str) -> None:
    fact = SAMPLES[FACTS[name]]

    with pytest.raises(ValidationError, match="frozen"):
        fact.number = "another"  # type: ignore[attr-defined]


@EVERY_FACT
def test_event_name_key_and_topic_are_consistent(name: str) -> None:
    fact = FACTS[name]
    _, subject, happened, version = name.split(".")

    stage = "billing" if subject in BILLED else subject
    assert fact.topic == f"ltc.{stage}.v1"
    assert version == "v1"
    assert re.fullmatch(r"[a-z_]+", happened)
    assert type(SAMPLES[fact].key_value()) is UUID
    spoken = happened if happened == "proposal_requested" else f"{subject}_{happened}"
    assert fact.__name__ == spoken.title().replace("_", "")
    assert fact.key in fact.model_fields
    assert {"number", "contract_number"} & fact.model_fields.keys()


def test_event_refuses_a_time_without_offset() -> None:
    value = written(sample(QuoteExpired))

    with pytest.raises(ValidationError, match="timezone"):
        QuoteExpired.model_validate({**value, "expired_at": "2026-03-02T08:00:00"})

    shanghai = QuoteExpired.model_validate({**value, "expired_at": "2026-03-02T08:00:00+08:00"})
    assert shanghai.expired_at == datetime(2026, 3, 2, tzinfo=UTC)


def test_event_accepts_unknown_values_of_an_open_enum() -> None:
    value = written(sample(DealWon))

    later = DealWon.model_validate({**value, "origin": {**value["origin"], "channel": "hologram"}})

    assert later.origin.channel == "hologram"


def test_event_schema_contains_no_closed_enum() -> None:
    schemas = {name: json.dumps(schema_of(fact)) for name, fact in FACTS.items()}

    assert [name for name, text in schemas.items() if re.search(r'"(enum|const)"', text)] == []


def test_event_schema_marks_personal_fields() -> None:
    telling = {"email", "phone", "ip", "given_by", "payer", "by"}

    def unmarked(node: Any, at: str) -> Iterator[str]:
        for name, field in node.get("properties", {}).items():
            if name in telling and "x-personal" not in json.dumps(field):
                yield f"{at}/{name}"
            for branch in (field, field.get("items", {}), *field.get("anyOf", ())):
                yield from unmarked(branch, f"{at}/{name}")

    schemas = {name: inlined(schema_of(fact)) for name, fact in FACTS.items()}
    assert [where for name, schema in schemas.items() for where in unmarked(schema, name)] == []


def test_catalog_contains_every_event_class() -> None:
    def spoken(fact: type[Event]) -> Iterator[type[Event]]:
        if "name" in vars(fact) and fact.__module__.startswith("contracts."):
            yield fact
        for subclass in fact.__subclasses__():
            yield from spoken(subclass)

    assert set(spoken(Event)) == set(FACTS.values()) == set(SAMPLES)
    assert {fact.name: fact for fact in FACTS.values()} == FACTS


def test_catalog_has_two_topics_per_stage() -> None:
    assert tuple(f"ltc.{stage}.v1" for stage in STAGES) == PUBLIC_TOPICS
    assert tuple(f"ltc.{stage}.state.v1" for stage in STAGES) == STATE_TOPICS
    assert PARTITIONS == 12
    assert {fact.topic for fact in FACTS.values()} == set(PUBLIC_TOPICS)


def test_catalog_events_have_a_docstring_and_only_stages_as_consumers() -> None:
    assert [name for name, fact in FACTS.items() if not (fact.__doc__ or "").endswith(".")] == []
    assert {hearer for entry in CATALOG.values() for hearer in entry.hearers} <= set(STAGES)


def test_events_page_stars_only_existing_events() -> None:
    assert {fact.__name__ for fact in FACTS.values()} >= EXPRESS
