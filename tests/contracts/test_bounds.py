"""Every text, list and number that a public form or a policy takes has a bound."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from pydantic import SecretStr, TypeAdapter

from chassis.app import create_app
from chassis.policies import Policies
from chassis.settings import Settings
from deal_svc.api.moved import MovedForm
from lead_svc.forms import LeadForm

PACKAGES = (
    "lead_svc",
    "deal_svc",
    "quote_svc",
    "contract_svc",
    "order_svc",
    "billing_svc",
    "hub",
    "console",
)
ROWS = (LeadForm, MovedForm)
"""Rows of batches: their door takes anything and reads each by itself."""
FIXED = {"uuid", "date", "date-time", "binary"}
OPEN = {
    "Proposal/payload": "the payload of an event, judged by its contract",
    "PolicyChange/rules": "judged by the policy's own model",
    "BatchForm/leads[]": "each row is a LeadForm",
    "MovedBatch/deals[]": "each row is a MovedForm",
    "post /bank-statements/file": "the body of a file",
    "Body_importLeads/file": "a file",
    "Body_importLeads/mapping": "a file",
}
"""What is read by another model, which this test walks, or is a file with a size of its own."""
Schema = dict[str, Any]


def unbounded(schema: Schema, parts: Schema, at: str, above: frozenset[str]) -> Iterator[str]:
    """The places below a schema that take a text, list, number or map of any size."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        if name not in above | {"Money"}:  # Money has its own limit
            yield from unbounded(parts[name], parts, name, above | {name})
        return
    if at in OPEN or schema.get("title") == "Money" or "enum" in schema or "const" in schema:
        return
    kinds = [kind for word in ("anyOf", "oneOf", "allOf") for kind in schema.get(word, ())]
    number = next((kind for kind in kinds if kind.get("type") == "number"), None)
    for kind in kinds:
        # A Decimal is a number or its text, and bounded as the number.
        if not (number and kind.get("type") == "string"):
            yield from unbounded(kind, parts, at, above)
    if kinds:
        return
    yield from _below(schema, parts, at, above)


def _below(schema: Schema, parts: Schema, at: str, above: frozenset[str]) -> Iterator[str]:
    kind = schema.get("type")
    if kind == "array":
        items = [schema.get("items"), *schema.get("prefixItems", ())]
        below = [(f"{at}[]", item) for item in items if item is not None]
    else:
        below = [(f"{at}/{name}", child) for name, child in schema.get("properties", {}).items()]
    for place, child in below:
        yield from unbounded(child, parts, place, above)
    if not _bounded(schema):
        yield f"{at}: {kind or 'anything'}"


def _bounded(schema: Schema) -> bool:
    """Whether a schema says how much of its own it takes."""
    match schema.get("type"):
        case "string":
            return "maxLength" in schema or schema.get("format") in FIXED
        case "integer" | "number":
            upper, lower = {"maximum", "exclusiveMaximum"}, {"minimum", "exclusiveMinimum"}
            return bool(upper & schema.keys() and lower & schema.keys())
        case "array":
            return "maxItems" in schema
        case "object":
            return schema.get("additionalProperties") in (None, False)
        case kind:
            return kind in ("boolean", "null")


def of_model(model: Any) -> list[str]:
    schema = TypeAdapter(model).json_schema()
    return list(unbounded(schema, schema.get("$defs", {}), model.__name__, frozenset()))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_request_body_is_bounded(package: str) -> None:
    service = import_module(f"{package}.main").service
    settings = Settings(
        service=service.name,
        environment="test",
        database_url=SecretStr("postgresql+asyncpg://127.0.0.1:1/nowhere"),
        consume=False,
        instance="test",
    )
    document = create_app(service, settings).openapi()
    parts = document["components"]["schemas"]
    bodies = [
        (f"{method} {path}", kind["schema"])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        for kind in operation.get("requestBody", {}).get("content", {}).values()
    ]

    assert bodies or package == "console"
    found = {place for at, body in bodies for place in unbounded(body, parts, at, frozenset())}
    assert found == set()


@pytest.mark.parametrize("form", ROWS)
def test_every_row_of_a_batch_is_bounded(form: Any) -> None:
    assert of_model(form) == []


@pytest.mark.parametrize("package", PACKAGES[:6])
def test_every_policy_is_bounded(package: str) -> None:
    policies: Policies = import_module(f"{package}.policies").policies
    assert {place for model in policies.models.values() for place in of_model(model)} == set()
