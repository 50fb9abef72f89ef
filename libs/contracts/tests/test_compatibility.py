"""Compatibility rules: each rule refuses a breaking edit, and compatible edits pass."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from contracts.advice import ADVICE
from contracts.breach import compare
from contracts.catalog import FACTS
from contracts.compat import compare_catalogues, compare_fixtures, read_samples
from contracts.deal import DealWon
from contracts.event import Event
from contracts.generate import golden_of
from contracts.probes import lost, read_fixtures
from contracts.samples import sample
from contracts.schema import Schema, schema_of

MONEY: Schema = {
    "title": "Money",
    "type": "object",
    "properties": {"amount": {"type": "string"}, "currency": {"type": "string"}},
    "required": ["amount", "currency"],
}
OLD: Schema = {
    "x-type": "ltc.sale.made.v1",
    "x-topic": "ltc.sale.v1",
    "x-key": "sale_id",
    "type": "object",
    "description": "Something was sold.",
    "$defs": {
        "Line": {
            "type": "object",
            "title": "Line",
            "properties": {
                "sku": {"type": "string", "maxLength": 40},
                "count": {"type": "integer", "minimum": 0, "description": "Pieces."},
            },
            "required": ["sku", "count"],
        }
    },
    "properties": {
        "sale_id": {"type": "string", "format": "uuid"},
        "total": MONEY,
        "deposit": {"anyOf": [MONEY, {"type": "null"}], "default": None},
        "buyer": {"type": "string", "x-personal": True},
        "tip": {"anyOf": [{"type": "string"}, {"type": "null"}], "x-personal": True},
        "rebate": {"type": "string", "default": "0", "pattern": "^[0-9]+$"},
        "mode": {"type": "string", "enum": ["cash", "card"]},
        "weight": {"type": "number", "x-unit": "kg"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}, "minItems": 1},
    },
    "required": ["sale_id", "total", "buyer", "lines"],
}

Edit = Callable[[dict[str, Any]], Any]


def edited(edit: Edit) -> Schema:
    new = copy.deepcopy(OLD)
    edit(new)
    return new


def fields(schema: Schema) -> dict[str, Any]:
    found: dict[str, Any] = schema["properties"]
    return found


def line(schema: Schema) -> dict[str, Any]:
    found: dict[str, Any] = schema["$defs"]["Line"]
    return found


BREAKING: list[tuple[str, str, Edit]] = [
    ("field-removed", "/weight", lambda s: fields(s).pop("weight")),
    ("field-removed", "/lines/*/sku", lambda s: line(s)["properties"].pop("sku")),
    ("field-renamed", "/buyer", lambda s: fields(s).update(client=fields(s).pop("buyer"))),
    ("type-changed", "/buyer", lambda s: fields(s)["buyer"].update(type="integer")),
    ("type-changed", "/lines/*/count", lambda s: fields(line(s))["count"].update(type="number")),
    ("money-changed", "/total", lambda s: fields(s).update(total={"type": "string"})),
    ("money-changed", "/total", lambda s: fields(s)["total"].update(title="Cents")),
    ("null-forbidden", "/deposit", lambda s: fields(s).update(deposit={**MONEY, "default": None})),
    (
        "null-allowed",
        "/buyer",
        lambda s: fields(s).update(
            buyer={"anyOf": [{"type": "string", "x-personal": True}, {"type": "null"}]}
        ),
    ),
    (
        "required-added",
        "/shop",
        lambda s: (fields(s).update(shop={"type": "string"}), s["required"].append("shop")),
    ),
    ("became-required", "/weight", lambda s: s["required"].append("weight")),
    ("became-optional", "/buyer", lambda s: s["required"].remove("buyer")),
    ("constraint-tightened", "/lines/*/sku", lambda s: fields(line(s))["sku"].update(maxLength=9)),
    (
        "constraint-tightened",
        "/lines/*/count",
        lambda s: fields(line(s))["count"].update(minimum=1),
    ),
    ("constraint-tightened", "/buyer", lambda s: fields(s)["buyer"].update(maxLength=80)),
    ("constraint-tightened", "/buyer", lambda s: fields(s)["buyer"].update(pattern="^A")),
    ("constraint-tightened", "/rebate", lambda s: fields(s)["rebate"].update(pattern="^[0-4]$")),
    ("unit-changed", "/weight", lambda s: fields(s)["weight"].update({"x-unit": "lb"})),
    ("constraint-loosened", "/lines/*/sku", lambda s: fields(line(s))["sku"].update(maxLength=99)),
    ("constraint-loosened", "/lines", lambda s: fields(s)["lines"].pop("minItems")),
    ("constraint-loosened", "/rebate", lambda s: fields(s)["rebate"].pop("pattern")),
    ("enum-narrowed", "/mode", lambda s: fields(s)["mode"].update(enum=["cash"])),
    ("enum-narrowed", "/buyer", lambda s: fields(s)["buyer"].update(enum=["Ada"])),
    ("enum-widened", "/mode", lambda s: fields(s)["mode"].update(enum=["cash", "card", "chip"])),
    ("enum-widened", "/mode", lambda s: fields(s)["mode"].pop("enum")),
    ("closed", "", lambda s: s.update(additionalProperties=False)),
    ("closed", "/lines/*", lambda s: line(s).update(additionalProperties=False)),
    (
        "unit-changed",
        "/lines/*/count",
        lambda s: fields(line(s))["count"].update(description="Dozens."),
    ),
    ("personal-unmarked", "/tip", lambda s: fields(s)["tip"].pop("x-personal")),
    ("meaning-changed", "", lambda s: s.update(description="Something was offered.")),
    ("personal-unmarked", "/buyer", lambda s: fields(s)["buyer"].pop("x-personal")),
    ("default-changed", "/rebate", lambda s: fields(s)["rebate"].update(default="5")),
    ("key-changed", "", lambda s: s.update({"x-key": "buyer_id"})),
    ("topic-changed", "", lambda s: s.update({"x-topic": "ltc.deal.v1"})),
]

HARMLESS: list[tuple[str, Edit]] = [
    ("nothing at all", lambda s: None),
    ("an optional field", lambda s: fields(s).update(shop={"type": "string", "default": ""})),
    (
        "an optional field inside a line",
        lambda s: fields(line(s)).update(colour={"anyOf": [{"type": "string"}, {"type": "null"}]}),
    ),
    ("fields in another order", lambda s: s.update(properties=dict(reversed(fields(s).items())))),
    ("a definition put in place", lambda s: fields(s)["lines"].update(items=line(s))),
    ("words where there were none", lambda s: fields(s)["buyer"].update(description="Who paid.")),
    ("words broken otherwise", lambda s: s.update(description="Something\n    was sold.")),
    ("a mark on a person's data", lambda s: fields(s)["weight"].update({"x-personal": True})),
    ("other examples", lambda s: fields(s)["buyer"].update(examples=["Ada"])),
]


@pytest.mark.parametrize(("rule", "where", "edit"), BREAKING)
def test_compatibility_rule_names_field_and_rule_of_a_breaking_edit(
    rule: str, where: str, edit: Edit
) -> None:
    found = compare(OLD, edited(edit))

    assert (rule, where) in [(b.rule, b.field) for b in found]
    assert {b.type for b in found} == {"ltc.sale.made.v1"}
    assert all(ADVICE[b.rule] in str(b) for b in found)


@pytest.mark.parametrize(("what", "edit"), HARMLESS)
def test_compatibility_rules_accept_a_compatible_edit(what: str, edit: Edit) -> None:
    assert compare(OLD, edited(edit)) == []


@pytest.mark.parametrize("fact", FACTS.values(), ids=FACTS)
def test_compatibility_rules_find_the_removal_of_any_event_field(fact: type[Event]) -> None:
    old = schema_of(fact)
    for name in old["properties"]:
        new = copy.deepcopy(old)
        del new["properties"][name]
        new["required"] = [f for f in new["required"] if f != name]

        [breach] = compare(old, new)

        assert (breach.rule, breach.field) == ("field-removed", f"/{name}")


def test_compatibility_rules_refuse_a_removed_type_and_accept_a_new_one() -> None:
    other = {"type": "object", "properties": {"sale_id": {"type": "string"}}}
    for new, rule in ((other, "type-removed"), (OLD, "type-renamed")):
        [breach] = compare_catalogues({"ltc.sale.made.v1": OLD}, {"ltc.sale.made.v2": new})

        assert (breach.type, breach.rule) == ("ltc.sale.made.v1", rule)
    assert compare_catalogues({}, {"ltc.sale.made.v1": OLD}) == []


def test_compatibility_rules_refuse_an_edited_or_removed_golden_sample() -> None:
    found = compare_fixtures({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "x", "d": "4"})

    assert [(b.type, b.rule) for b in found] == [("b", "fixture-edited"), ("c", "fixture-removed")]


def test_compatibility_rules_refuse_a_golden_sample_that_the_model_cannot_read() -> None:
    name, golden = DealWon.name, json.loads(golden_of(sample(DealWon)))
    facts = {name: DealWon}
    assert read_fixtures({name: json.dumps(golden)}, facts) == []

    lacking = copy.deepcopy(golden)
    del lacking["value"]["origin"]
    [breach] = read_fixtures({name: json.dumps(lacking)}, facts)
    assert (breach.rule, "origin" in breach.detail) == ("fixture-unreadable", True)

    forgotten = copy.deepcopy(golden)
    forgotten["value"]["origin"]["weather"] = "free"
    [breach] = read_fixtures({name: json.dumps(forgotten)}, facts)
    assert breach.field == "/origin/weather"

    headless = copy.deepcopy(golden)
    del headless["headers"]["ce_id"]
    [breach] = read_fixtures({name: json.dumps(headless)}, facts)
    assert "ce_id" in breach.detail


def test_compatibility_points_to_values_that_decoding_loses_or_alters() -> None:
    before = {"a": 1, "b": [{"c": 2}, {"c": 3}], "d": [1]}

    assert list(lost(before, {**before, "e": 5})) == []
    assert list(lost(before, {"a": 1, "b": [{"c": 2}, {"c": 4}], "d": [1, 2]})) == ["/b/1/c", "/d"]


def test_compatibility_rules_refuse_samples_outside_the_published_schema() -> None:
    name = "ltc.sale.made.v1"
    said = {"sale_id": "0199a000-0000-7000-8000-000000000001", "total": {}, "lines": []}

    [breach] = read_samples({name: OLD}, {name: said})

    assert (breach.rule, breach.field) == ("sample-unreadable", "/buyer")
