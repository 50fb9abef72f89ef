"""The security matrix: every operation with every role, as ``matrix.tsv`` states."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from chassis.app import create_app
from contracts.roles import READERS, ROLES
from testkit.harness import Harness
from tests.security.apps import MATRIX, MAY_BE_AWAY, NAMES, operations, rules


@pytest.mark.parametrize("name", NAMES)
def test_security_matrix_has_a_row_per_operation(services: dict[str, Harness], name: str) -> None:
    served, decided = operations(services[name]), rules(name)

    assert served.keys() - decided.keys() == set(), f"decide about them in {MATRIX.name}"
    assert decided.keys() - served.keys() == set(), "these are gone"
    assert {role for rule in decided.values() for role in rule.roles} <= ROLES.keys()


@pytest.mark.parametrize("kept", READERS)
def test_security_readers_of_events_are_the_roles_of_the_stages_route(kept: str) -> None:
    """The console decides by these which events it shows."""
    stage = {"invoice": "billing", "payment": "billing"}.get(kept, kept)
    assert rules(stage)[f"show{kept.title()}"].roles == READERS[kept]


@pytest.mark.parametrize("name", NAMES)
async def test_security_matrix_holds_for_each_role(services: dict[str, Harness], name: str) -> None:
    under_test = services[name]
    found, decided = operations(under_test), rules(name)
    wrong: list[str] = []
    for role in (*ROLES, "stranger", None):
        async with under_test.client(*([role] if role else [])) as client:
            for rule in decided.values():
                operation = found[rule.operation]
                answer = await client.request(operation.method, operation.at({}), json={})
                status = answer.status_code
                if not rule.roles:
                    expected = status not in (401, 403)
                elif role is None:
                    expected = status == 401
                elif role in rule.roles:
                    away = status == 503 and rule.operation in MAY_BE_AWAY
                    expected = status not in (401, 403) and (status < 500 or away)
                else:
                    expected = status == 403
                if not expected:
                    wrong.append(f"{operation.id} as {role or 'nobody'}: {status}")

    assert not wrong, "; ".join(wrong)


@pytest.mark.parametrize("name", NAMES)
def test_security_openapi_marks_operations_that_need_a_token(
    services: dict[str, Harness], name: str
) -> None:
    published = services[name].app.openapi()
    said = {o["operationId"]: o for path in published["paths"].values() for o in path.values()}

    for rule in rules(name).values():
        assert ("security" in said[rule.operation]) == bool(rule.roles), rule.operation
    assert published["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"


@pytest.mark.parametrize("name", NAMES)
def test_security_matrix_covers_operations_that_clear_a_gate(
    services: dict[str, Harness], name: str
) -> None:
    decided = rules(name)

    for gate, clearing in services[name].service.clearings.items():
        assert set(clearing.operations) <= decided.keys(), gate
        if clearing.by is not None:
            [operation] = clearing.operations
            assert clearing.roles == decided[operation].roles, gate


def paths_of(app: FastAPI) -> set[str]:
    """Everything that the router knows, included routers and mounts too; as OpenAPI writes it,
    without the kind of a parameter."""
    contexts = iter_route_contexts(app.router.routes)
    paths = (getattr(c, "path", None) or getattr(c.route, "path", "") for c in contexts)
    return {re.sub(r":\w+}", "}", path) for path in paths}


@pytest.mark.parametrize("name", NAMES)
def test_security_served_routes_are_published_and_docs_are_off_in_production(
    services: dict[str, Harness], name: str
) -> None:
    """Besides the operations, only metrics and, outside production, the documentation are
    served."""
    under_test = services[name]
    published = set(under_test.app.openapi()["paths"])
    documentation = {"/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"}
    production = under_test.settings.model_copy(update={"environment": "production"})

    assert len(published) > 8
    assert paths_of(under_test.app) == published | documentation | {"/metrics"}
    assert paths_of(create_app(under_test.service, production)) == published | {"/metrics"}
