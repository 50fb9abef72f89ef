"""Requests that schemathesis generates from each service's OpenAPI.

Nothing breaks, no undocumented response is given, and no undocumented input is accepted. Over real
HTTP, with all permissions. A valid request that names a record names an existing one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from chassis.issuer import sign
from contracts.roles import ROLES
from testkit.harness import KEY, Harness, over_http
from tests.security.apps import MAY_BE_AWAY, NAMES
from tests.security.test_row_access import TABLES, own_something

EXAMPLES = int(os.environ.get("LTC_TEST_EXAMPLES", "3"))
"""Of valid and of invalid requests an operation; by hand try more."""
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
RECORDS = 6
NOT_JSON = {"receiveTraces"}
"""Takes protobuf, of which OpenAPI says nothing."""


Known = Mapping[str, Sequence[str]]
"""What is there, by the name of the parameter for it."""


async def filled(under_test: Harness, name: str) -> Known:
    """Make some records; policies are there from the start, and the console has neither."""
    await under_test.empty()
    tables = TABLES.get(name, [])
    if tables:
        for _ in range(RECORDS):
            await own_something(under_test, name, None)
    known = {f"{table.removeprefix('sales_')}_id": f"SELECT id FROM {table}" for table in tables}  # noqa: S608
    if name == "billing":
        known["contract_id"] = known.pop("billing_account_id")
    found = {of: [str(row[0]) for row in await under_test.rows(q)] for of, q in known.items()}
    async with under_test.client("admin") as admin:
        policies = await admin.get("/policies")
    if policies.status_code == 200:
        found["name"] = [policy["name"] for policy in policies.json()]
    assert all(found.values()), found.keys()
    return found


def complaints(url: str, token: str, known: Known) -> Iterator[str]:
    """What is wrong with the answers of a service: the first of each kind for each operation."""
    document = httpx.get(f"{url}/openapi.json").json()
    for said in (said for path in document["paths"].values() for said in path.values()):
        said.pop("security", None)  # each request has a token; false ones are tried elsewhere
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=url)
    # Ours has 412 too; without this answers of 500 and more would pass for a refusal.
    schema.config.checks.negative_data_rejection.expected_statuses = ["4xx"]
    for found in schema.get_all_operations():
        operation = found.ok()
        name = operation.definition.raw["operationId"]
        checks = CHECKS if name in MAY_BE_AWAY else [*CHECKS, not_a_server_error]
        for mode in schemathesis.GenerationMode:
            if name not in NOT_JSON:
                yield from ask(operation, mode, token, checks, known)


def ask(
    operation: APIOperation,
    mode: schemathesis.GenerationMode,
    token: str,
    checks: list[CheckFunction],
    known: Known,
) -> Iterator[str]:
    """Make valid or invalid requests of one operation."""
    said = operation.definition.raw.get("parameters", [])
    takes_revision = any(parameter["name"] == "if-match" for parameter in said)
    records = {of: cycle(ids) for of, ids in known.items()}

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def one(case: schemathesis.Case) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        if takes_revision:
            headers["If-Match"] = '"v1"'
        if mode is schemathesis.GenerationMode.POSITIVE:
            for parameter in case.path_parameters.keys() & known.keys():
                case.path_parameters[parameter] = next(records[parameter])
        answer = case.call(headers=headers)
        case.validate_response(answer, checks=checks)

    try:
        one()
    except Unsatisfiable:
        # Where there is nothing to fill in, nothing can be filled in wrongly.
        assert mode is schemathesis.GenerationMode.NEGATIVE, operation.label
    except FailureGroup as group:
        yield from (f"{operation.label}: {failure}" for failure in group.exceptions)


# Hypothesis sees the module `random` move and blames the strategies, which are the library's own;
# it is the services and their clients, which run beside them in this process.
@pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"
)
@pytest.mark.parametrize("name", NAMES)
async def test_schemathesis_every_response_is_documented(
    services: dict[str, Harness], name: str
) -> None:
    under_test = services[name]
    known = await filled(under_test, name)
    token = sign(
        KEY, under_test.settings.oidc_issuer, sub="u-1", name="Ada", roles=list(ROLES),
        teams=[], ttl_s=3600,
    )  # fmt: skip
    async with over_http(under_test.app) as url:
        found = await asyncio.to_thread(lambda: list(complaints(url, token, known)))

    assert not found, "\n\n".join(found)
