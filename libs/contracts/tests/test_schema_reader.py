"""The small schema reader agrees with a full JSON Schema validator on valid and invalid values."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from contracts.catalog import FACTS
from contracts.event import Event
from contracts.quote import QuoteAccepted
from contracts.samples import SAMPLES
from contracts.schema import schema_of
from contracts.schema_reader import refusal

EVERY_FACT = pytest.mark.parametrize("fact", FACTS.values(), ids=FACTS)

WRONG: tuple[Any, ...] = (None, 7, "?", [], {}, True)


def spoilt(value: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The value with one thing wrong at a time."""
    for name in value:
        for wrong in WRONG:
            yield f"{name} = {wrong!r}", {**value, name: wrong}
        yield f"without {name}", {k: v for k, v in value.items() if k != name}


@EVERY_FACT
def test_schema_reader_agrees_with_a_full_validator(fact: type[Event]) -> None:
    schema = schema_of(fact)
    full = Draft202012Validator(schema, format_checker=FormatChecker(["uuid", "date"]))
    value = json.loads(SAMPLES[fact].model_dump_json())

    assert refusal(schema, value) is None
    for what, wrong in spoilt(value):
        # Full validators leave date-time to optional packages; ours reads it.
        ours = refusal(schema, wrong)
        if ours is None or "date-time" not in ours[1]:
            assert (ours is None) == full.is_valid(wrong), what


@EVERY_FACT
def test_schema_published_for_an_event_is_a_valid_json_schema(fact: type[Event]) -> None:
    Draft202012Validator.check_schema(schema_of(fact))


def test_schema_reader_points_to_the_deepest_error() -> None:
    schema = schema_of(QuoteAccepted)
    value = json.loads(SAMPLES[QuoteAccepted].model_dump_json())
    wrong = copy.deepcopy(value)
    wrong["lines"][1]["net"]["amount"] = "many"
    late = copy.deepcopy(value)
    late["prepayment"]["captured_at"] = "2026-03-02T08:00:00"

    assert (refusal(schema, wrong) or ("",))[0] == "/lines/1/net/amount"
    assert (refusal(schema, late) or ("",))[0] == "/prepayment/captured_at"
