"""AsyncAPI documents: each is valid, and every reference in it resolves.

``asyncapi-3.0.0.schema.json.gz`` is the specification's own JSON Schema, unchanged: from the npm
package ``@asyncapi/specs`` 6.11.1, ``schemas/3.0.0-without-$id.json`` (Apache-2.0).
"""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from contracts.catalog import CATALOG, STAGES, producer
from contracts.schema import PACKAGE

DOCS = PACKAGE.parents[1] / "docs" / "asyncapi"
SPECIFICATION = Path(__file__).with_name("asyncapi-3.0.0.schema.json.gz")


@pytest.fixture(scope="module")
def specification() -> Draft7Validator:
    return Draft7Validator(json.loads(gzip.decompress(SPECIFICATION.read_bytes())))


def document(stage: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DOCS / f"{stage}-svc.json").read_text(encoding="utf-8"))
    return found


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


@pytest.mark.parametrize("stage", STAGES)
def test_asyncapi_document_is_valid_by_the_specification(
    stage: str, specification: Draft7Validator
) -> None:
    assert [error.message for error in specification.iter_errors(document(stage))] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.pop("info"),
        lambda d: d["operations"]["say-quote"].update(action="shout"),
        lambda d: d["channels"]["quote"].update(topic="ltc.quote.v1"),
        lambda d: d["channels"]["quote"]["bindings"]["kafka"].update(partitions="many"),
    ],
)
def test_asyncapi_schema_refuses_an_invalid_document(
    spoil: Any, specification: Draft7Validator
) -> None:
    wrong = copy.deepcopy(document("quote"))
    spoil(wrong)

    assert not specification.is_valid(wrong)


@pytest.mark.parametrize("stage", STAGES)
def test_asyncapi_references_resolve(stage: str) -> None:
    described = document(stage)

    for reference in references(described):
        path, _, pointer = reference.partition("#")
        if path:
            assert (DOCS / path).resolve().exists(), reference
        node: Any = described
        for name in pointer.split("/")[1:]:
            node = node[name]


@pytest.mark.parametrize("stage", STAGES)
def test_asyncapi_document_names_all_produced_and_consumed_events(stage: str) -> None:
    operations = document(stage)["operations"]
    said = {m["$ref"].rpartition("/")[2] for m in operations[f"say-{stage}"]["messages"]}
    heard = {
        m["$ref"].rpartition("/")[2]
        for name, operation in operations.items()
        if name.startswith("hear-")
        for m in operation["messages"]
    }

    facts = list(CATALOG.values())
    assert said == {e.fact.__name__ for e in facts if producer(e.fact) == stage}
    assert heard == {e.fact.__name__ for e in facts if stage in e.hearers}
