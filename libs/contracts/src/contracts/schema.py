"""JSON Schemas of the facts, as published: open to unknown fields, with key, topic and speaker."""

from __future__ import annotations

import json
from typing import Any

from contracts.catalog import producer
from contracts.envelope import SCHEMA_PATH
from contracts.event import Event

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(fact: type[Event]) -> Schema:
    """The schema of one fact's value."""
    return {
        "$schema": DIALECT,
        "$id": f"{SCHEMA_PATH}/{fact.name}",
        "x-type": fact.name,
        "x-topic": fact.topic,
        "x-key": fact.key,
        "x-producer": f"{producer(fact)}-svc",
        **fact.model_json_schema(mode="validation"),
    }


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
