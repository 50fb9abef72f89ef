"""Instants and days in requests: every field of every service states its bounds and keeps them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest

from chassis.app import create_app
from chassis.http import ApiModel
from chassis.settings import Settings
from ltc.programs import package_of
from tests.security.apps import NAMES

BOUNDED = "from 1970-01-01 to "


def forms(kind: type[ApiModel] = ApiModel) -> Iterator[type[ApiModel]]:
    """Every form that is loaded: also rows of batches, which OpenAPI does not show."""
    for child in kind.__subclasses__():
        yield child
        yield from forms(child)


def instants(node: Any, at: str) -> Iterator[tuple[str, str]]:
    """The place and the description of each instant or day within a JSON schema."""
    if isinstance(node, list):
        for part in node:
            yield from instants(part, at)
    elif isinstance(node, dict):
        if node.get("format") in ("date-time", "date"):
            yield at, node.get("description", "")
        for key, part in node.items():
            yield from instants(part, f"{at}/{key}")


@pytest.mark.parametrize("name", NAMES)
def test_request_states_the_bounds_of_each_instant(name: str) -> None:
    package = package_of(name)
    service = importlib.import_module(f"{package}.main").service
    openapi = create_app(service, Settings(service=name)).openapi()
    found = [
        place
        for path, operations in openapi["paths"].items()
        for operation in operations.values()
        for place in instants(operation.get("parameters", []), path)
    ]
    for form in forms():
        if form.__module__.startswith((f"{package}.", "chassis.")):
            found += instants(form.model_json_schema(), form.__name__)

    assert [place for place, bounds in found if not bounds.startswith(BOUNDED)] == []
    assert found or name in ("quote", "contract", "console")
