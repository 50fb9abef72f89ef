"""JSON Schemas of the facts, as published: open to unknown fields, with key, topic and speaker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from contracts.catalog import DEPRECATED, PARTITIONS, producer
from contracts.envelope import SCHEMA_PATH
from contracts.event import Event

Schema = dict[str, Any]
Edit = tuple[str, str, str]
"""Where, by which rule, and what happened."""

PACKAGE = Path(__file__).parents[2]
SCHEMAS = Path("schemas")
GOLDEN = Path("tests/golden")

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(fact: type[Event]) -> Schema:
    """The schema of one fact's value."""
    return {
        "$schema": DIALECT,
        "$id": f"{SCHEMA_PATH}/{fact.name}",
        "x-type": fact.name,
        "x-topic": fact.topic,
        "x-partitions": PARTITIONS,
        "x-key": fact.key,
        "x-producer": f"{producer(fact)}-svc",
        **_ending(fact.name),
        **fact.model_json_schema(mode="validation"),
    }


def _ending(name: str) -> Schema:
    """What a type with an end says of it, in the words of JSON Schema as far as it has any."""
    if name not in DEPRECATED:
        return {}
    ending = DEPRECATED[name]
    return {"deprecated": True, "x-ends": ending.ends.isoformat(), "x-instead": ending.instead}


def as_text(document: Any) -> str:
    """JSON as committed: two spaces, readable Chinese, one newline at the end."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def inlined(schema: Schema) -> Schema:
    """The schema with every reference into ``$defs`` put in place, so that two can be compared."""
    definitions: Schema = schema.get("$defs", {})

    def resolve(node: Any) -> Any:
        if isinstance(node, list):
            return [resolve(item) for item in node]
        if not isinstance(node, dict):
            return node
        reference = node.get("$ref")
        if isinstance(reference, str) and reference.startswith("#/$defs/"):
            beside = {k: v for k, v in node.items() if k != "$ref"}
            return {**resolve(definitions[reference.removeprefix("#/$defs/")]), **resolve(beside)}
        return {name: resolve(child) for name, child in node.items() if name != "$defs"}

    flat: Schema = resolve(schema)
    return flat


def branches(schema: Schema) -> dict[str, Schema]:
    """A node by kind of value: ``anyOf`` branches apart, null among them."""
    options = schema.get("anyOf") or schema.get("oneOf") or [schema]
    branches: dict[str, Schema] = {}
    for option in options:
        kinds = option.get("type", "any")
        for kind in kinds if isinstance(kinds, list) else [kinds]:
            title = option.get("title") if kind == "object" else None
            branches[f"{kind} {title}" if title and len(options) > 2 else str(kind)] = option
    return branches
