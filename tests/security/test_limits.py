"""Limits per caller of each service: size, depth, rows, rate."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from joserfc.jwk import KeySet

from chassis.app import create_app
from testkit.harness import KEY, Harness
from tests.security.apps import NAMES, Operation, operations

JSON = {"Content-Type": "application/json"}
BAD_BODIES = {
    "deep lists": (b"[" * 33 + b"]" * 33, "too-deep"),
    "deep objects": (b'{"a":' * 33 + b"1" + b"}" * 33, "too-deep"),
    "a hundred thousand lists": (b"[" * 100_000, "too-deep"),
    "NUL": (rb'{"note": "a\u0000b"}', "invalid-text"),
    "half a character": (rb'{"note": "\ud83d"}', "invalid-text"),
    "half a character as a name": (rb'{"\udfff": 1}', "invalid-text"),
    "not UTF-8": (b'{"note": "\xff"}', "invalid-json"),
    "a field twice": (b'{"note": 1, "note": 2}', "duplicate-field"),
    "a number without end": (b'{"note": 1e999}', "invalid-number"),
    "no number": (b'{"note": NaN}', "invalid-number"),
    "half a body": (b'{"note": ', "invalid-json"),
}
BAD_LIMITS = ("0", "-1", "201", "1" * 30, "many", "1.5", "")
BAD_CURSORS = ("nonsense", "WzFd", "W251bGwsbnVsbF0", "%00", "a" * 2000)
NEEDED = {"readStates": "stage=lead&"}
"""What a list cannot do without."""


def that(under_test: Harness, fits: Callable[[dict[str, Any]], bool]) -> list[Operation]:
    """The operations of which OpenAPI says something."""
    found = operations(under_test)
    return [
        found[said["operationId"]]
        for methods in under_test.app.openapi()["paths"].values()
        for said in methods.values()
        if fits(said)
    ]


def taking(under_test: Harness, kind: str) -> list[Operation]:
    """Those whose body is of this kind."""
    return that(under_test, lambda said: kind in said.get("requestBody", {}).get("content", {}))


def with_parameter(under_test: Harness, name: str) -> list[Operation]:
    return that(
        under_test, lambda said: name in {known["name"] for known in said.get("parameters", [])}
    )


async def verdict(client: httpx.AsyncClient, operation: Operation, **sent: Any) -> tuple[int, str]:
    """Status and type of a problem."""
    headers = {"Idempotency-Key": "k", "If-Match": '"v1"', **sent.pop("headers", {})}
    answer = await client.request(
        operation.method, sent.pop("url", operation.at({})), headers=headers, **sent
    )
    kind = str(answer.json().get("type", "")) if answer.status_code >= 400 else ""
    return answer.status_code, kind.removeprefix("urn:ltc:problem:")


@pytest.mark.parametrize("name", NAMES)
async def test_security_unstorable_bodies_are_answered_422(
    services: dict[str, Harness], name: str
) -> None:
    wrong: list[str] = []
    async with services[name].client("admin") as client:
        for operation in taking(services[name], "application/json"):
            for kind, (body, expected) in BAD_BODIES.items():
                got = await verdict(client, operation, content=body, headers=JSON)
                if got != (422, expected):
                    wrong.append(f"{operation.id}, {kind}: {got}")

    assert not wrong, "; ".join(wrong)


@pytest.mark.parametrize("name", NAMES)
async def test_security_bodies_over_the_limit_are_answered_413(
    services: dict[str, Harness], name: str
) -> None:
    under_test = services[name]
    larger = under_test.service.larger_bodies
    usual = under_test.settings.max_body_bytes
    bodied = [
        operation
        for kind in ("application/json", "multipart/form-data")
        for operation in taking(under_test, kind)
    ]
    wrong: list[str] = []
    async with under_test.client("admin") as client:
        for operation in bodied:
            limit = larger.get(operation.path, usual)
            assert limit <= 32 * 1024 * 1024, operation.id

            async def in_pieces(limit: int = limit) -> AsyncIterator[bytes]:
                for _ in range(limit // 65_536 + 1):
                    yield b" " * 65_536
                yield b" "

            announced = {"Content-Length": str(limit + 1), **JSON}
            for body, headers in ((b"", announced), (in_pieces(), JSON)):
                got = await verdict(client, operation, content=body, headers=headers)
                if got != (413, "too-large"):
                    wrong.append(f"{operation.id}: {got}")

    assert not wrong, "; ".join(wrong)
    assert larger.keys() <= {operation.path for operation in operations(under_test).values()}


@pytest.mark.parametrize("name", NAMES)
async def test_security_pages_are_limited_and_foreign_cursors_refused(
    services: dict[str, Harness], name: str
) -> None:
    lists = with_parameter(services[name], "limit")
    with_cursor = with_parameter(services[name], "cursor")
    assert lists
    wrong: list[str] = []
    async with services[name].client("admin") as client:
        for operation in lists:
            url = operation.at({})
            inside_something = "{" in operation.path  # that is not there
            good = (404, "not-found") if inside_something else (200, "")
            url = f"{url}?{NEEDED.get(operation.id, '')}limit="
            asked = {f"{url}{limit}": (422, "invalid") for limit in BAD_LIMITS}
            asked |= {f"{url}{limit}": good for limit in (1, 200)}
            for question, expected in asked.items():
                got = await verdict(client, operation, url=question)
                if got != expected:
                    wrong.append(f"{question}: {got}")
        for operation in with_cursor:
            if "{" in operation.path:
                continue
            for cursor in BAD_CURSORS:
                url = f"{operation.at({})}?cursor={cursor}"
                status, _ = await verdict(client, operation, url=url)
                if status not in (400, 422):
                    wrong.append(f"{operation.id}, cursor {cursor[:20]}: {status}")

    assert not wrong, "; ".join(wrong)


@pytest.mark.parametrize("name", NAMES)
async def test_security_nul_in_a_url_is_refused_at_every_operation(
    services: dict[str, Harness], name: str
) -> None:
    wrong: list[str] = []
    async with services[name].client("admin") as client:
        for operation in operations(services[name]).values():
            if operation.path.startswith("/health"):
                continue
            asked = [f"{operation.at({})}?q=a%00b"]
            if "{" in operation.path:
                names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
                asked.append(operation.at(dict.fromkeys(names, "a%00b")))
            for url in asked:
                status, _ = await verdict(client, operation, url=url, json={})
                if status not in (404, 422):
                    wrong.append(f"{operation.method} {url}: {status}")

    assert not wrong, "; ".join(wrong)


@pytest.mark.parametrize("name", NAMES)
async def test_security_flood_of_one_person_is_answered_429_and_others_are_served(
    services: dict[str, Harness], name: str
) -> None:
    under_test = services[name]
    settings = under_test.settings.model_copy(update={"requests_per_second": 0.5})
    app = create_app(under_test.service, settings)
    app.state.authenticator.trust(KeySet([KEY]))
    limited = Harness(under_test.service, settings, app, under_test.package)
    try:
        async with limited.client("admin", sub="busy") as busy:
            flood = [await busy.get("/ops/gates") for _ in range(14)]
        async with limited.client("admin", sub="calm") as calm:
            other = await calm.get("/ops/gates")
            alive = [(await calm.get("/health/live")).status_code for _ in range(20)]
    finally:
        await limited.close()

    assert [answer.status_code for answer in flood] == [200] * 10 + [429] * 4
    assert 1 <= int(flood[-1].headers["retry-after"]) <= 2
    assert flood[-1].headers["content-type"] == "application/problem+json"
    assert other.status_code == 200
    assert set(alive) == {200}
