"""The compatibility rules, each seen to fire and each seen to let a harmless edit pass."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from contracts.compat import compare
from contracts.deal import DealWon
from contracts.generate import schema_of

Schema = dict[str, Any]
Edit = Callable[[Schema], None]


def edited(edit: Edit) -> Schema:
    schema = copy.deepcopy(schema_of(DealWon))
    edit(schema)
    return schema


def remove(schema: Schema) -> None:
    del schema["properties"]["net"]


def rename(schema: Schema) -> None:
    schema["properties"]["net_amount"] = schema["properties"].pop("net")


def retype(schema: Schema) -> None:
    schema["properties"]["number"] = {"type": "integer"}


def require(schema: Schema) -> None:
    schema["properties"]["mood"] = {"type": "string"}
    schema["required"].append("mood")


def make_optional(schema: Schema) -> None:
    schema["required"].remove("number")


def forbid_null(schema: Schema) -> None:
    schema["properties"]["lead_id"] = {"type": "string", "format": "uuid"}


def tighten(schema: Schema) -> None:
    schema["properties"]["number"]["maxLength"] = 5


def reformat(schema: Schema) -> None:
    schema["properties"]["won_at"]["format"] = "date"


def change_key(schema: Schema) -> None:
    schema["x-key"] = "contract_id"


def change_topic(schema: Schema) -> None:
    schema["x-topic"] = "ltc.sales.v1"


def nested(schema: Schema) -> None:
    del schema["$defs"]["Account"]["properties"]["name"]


def nested_type(schema: Schema) -> None:
    schema["$defs"]["Account"]["properties"]["name"]["type"] = "number"


def unit(schema: Schema) -> None:
    schema["properties"]["number"]["x-unit"] = "pieces"


@pytest.mark.parametrize(
    ("edit", "field", "rule"),
    [
        (remove, "/net", "removed or renamed"),
        (rename, "/net", "removed or renamed"),
        (retype, "/number", "type changed"),
        (require, "/mood", "new field is required"),
        (make_optional, "/number", "became optional"),
        (forbid_null, "/lead_id", "type changed"),
        (tighten, "/number", "tightened"),
        (reformat, "/won_at", "format changed"),
        (change_key, "key", "key changed"),
        (change_topic, "topic", "topic changed"),
        (nested, "/account/name", "removed or renamed"),
        (nested_type, "/account/name", "type changed"),
        (unit, "/number", "x-unit changed"),
    ],
)
def test_a_breaking_edit_is_named(edit: Edit, field: str, rule: str) -> None:
    found = compare(DealWon.name, schema_of(DealWon), edited(edit))

    assert found, f"{edit.__name__} went unnoticed"
    assert any(b.field == field and rule in b.rule for b in found), found
    assert "new version" in str(found[0])


def test_a_removed_type_is_named() -> None:
    [breach] = compare(DealWon.name, schema_of(DealWon), None)

    assert breach.rule == "the type was removed"


def add_optional(schema: Schema) -> None:
    schema["properties"]["mood"] = {"type": "string"}


def describe(schema: Schema) -> None:
    schema["description"] = "Said better."
    schema["properties"]["number"]["description"] = "The human number."


def add_nested_optional(schema: Schema) -> None:
    schema["$defs"]["Account"]["properties"]["industry"] = {"type": "string"}


def loosen(schema: Schema) -> None:
    schema["properties"]["number"].pop("title", None)


@pytest.mark.parametrize("edit", [add_optional, describe, add_nested_optional, loosen])
def test_a_compatible_edit_passes(edit: Edit) -> None:
    assert compare(DealWon.name, schema_of(DealWon), edited(edit)) == []
