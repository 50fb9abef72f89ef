"""One request is one transaction: success is stored, refusal and failure store nothing."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from thing_service import a_client, an_app, names, settings_for, thing_app


@pytest.fixture(scope="module")
async def app() -> AsyncIterator[FastAPI]:
    async with thing_app() as app:
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(app) as client:
        yield client


async def test_request_commits_before_the_response_is_sent(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    answer = await client.post("/things", json={"name": "kept"})
    assert answer.status_code == 201
    assert answer.headers["etag"] == '"v1"'
    assert answer.json()["actor"] == "u-1"
    assert "kept" in await names(app)


async def test_request_with_a_failed_commit_is_answered_500(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    answer = await client.post("/things", json={"name": "doomed"})
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:ltc:problem:internal-error"
    assert "doomed" not in await names(app)


@pytest.mark.parametrize(
    ("kind", "status", "type"),
    [
        ("lapsed", 409, "thing-lapsed"),
        ("too-large", 422, "thing-too-large"),
        ("bug", 500, "internal-error"),
        ("out-of-range", 422, "invalid"),
    ],
)
async def test_request_error_rolls_back_with_its_own_problem_type(
    app: FastAPI, client: httpx.AsyncClient, kind: str, status: int, type: str
) -> None:
    answer = await client.post(f"/failures/{kind}", json={"name": kind})
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:ltc:problem:{type}")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert kind not in await names(app)


async def test_request_answered_400_without_an_exception_rolls_back(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    assert (await client.post("/failures/answer", json={"name": "answered"})).status_code == 400
    assert "answered" not in await names(app)


async def test_request_error_500_shows_a_trace_id_and_no_internals(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    trace = "a1" * 16
    with caplog.at_level(logging.ERROR, "chassis.problems"):
        answer = await client.post(
            "/failures/bug",
            json={"name": "buggy"},
            headers={"traceparent": f"00-{trace}-{'b2' * 8}-01"},
        )
    assert answer.json()["instance"] == trace
    assert not {"SELECT", "secret", "Traceback", "RuntimeError", ".py"} & set(answer.text.split())
    assert "secret" not in answer.text
    assert [r.exc_info is not None for r in caplog.records] == [True]


async def test_request_with_a_unique_violation_is_a_conflict(
    client: httpx.AsyncClient,
) -> None:
    await client.post("/things", json={"name": "taken"})
    answer = await client.post("/things", json={"name": "taken"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:ltc:problem:conflict")


async def test_problem_names_every_bad_field_by_json_pointer(client: httpx.AsyncClient) -> None:
    body = {"name": "", "size": -1, "a/b~c": 1}
    answer = await client.post("/things", json=body)
    assert answer.status_code == 422
    found = {error["pointer"] for error in answer.json()["errors"]}
    assert found == {"/body/name", "/body/size", "/body/a~1b~0c"}
    assert all(error["detail"] for error in answer.json()["errors"])


async def test_problem_names_bad_query_parameters(client: httpx.AsyncClient) -> None:
    answer = await client.get("/things?limit=201")
    assert [e["pointer"] for e in answer.json()["errors"]] == ["/query/limit"]


@pytest.mark.parametrize(
    ("method", "path", "status", "type"),
    [("GET", "/nowhere", 404, "not-found"), ("DELETE", "/things", 405, "method-not-allowed")],
)
async def test_problem_format_covers_errors_of_the_router(
    client: httpx.AsyncClient, method: str, path: str, status: int, type: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:ltc:problem:{type}")


async def test_request_without_a_database_is_answered_503_with_retry_after() -> None:
    async with a_client(an_app(settings_for())) as client:
        answer = await client.get("/failures/database")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:ltc:problem:unavailable")
    assert answer.headers["retry-after"] == "2"
    assert "127.0.0.1" not in answer.text


async def test_etag_of_the_current_revision_is_required_for_an_update(
    client: httpx.AsyncClient,
) -> None:
    made = await client.post("/things", json={"name": "resized"})
    path, body = made.headers["location"], {"name": "resized", "size": 2}

    blind = await client.put(path, json=body)
    assert (blind.status_code, blind.json()["type"]) == (428, "urn:ltc:problem:if-match-missing")
    good = await client.put(path, json=body, headers={"If-Match": made.headers["etag"]})
    assert (good.status_code, good.headers["etag"]) == (200, '"v2"')
    stale = await client.put(path, json=body, headers={"If-Match": made.headers["etag"]})
    assert (stale.status_code, stale.json()["type"]) == (412, "urn:ltc:problem:stale")


@pytest.mark.parametrize("seen", ["*", '"abc"', "v", '"v-1"', '"v²"', f'"v{"9" * 5000}"', ""])
async def test_etag_unknown_to_the_service_is_stale(client: httpx.AsyncClient, seen: str) -> None:
    answer = await client.put(
        f"/things/{uuid4()}",
        json={"name": "x"},
        headers=[(b"If-Match", seen.encode("latin-1"))],  # type: ignore[arg-type]
    )
    assert answer.status_code == 412


async def test_etag_in_weak_form_is_accepted(client: httpx.AsyncClient) -> None:
    made = await client.post("/things", json={"name": "weakly"})
    path = made.headers["location"]
    answer = await client.put(path, json={"name": "weakly"}, headers={"If-Match": 'W/"v1"'})
    assert answer.status_code == 200


async def test_request_releases_its_connection_after_the_response(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    for _ in range(30):  # more than the pool has
        assert (await client.get("/things?limit=1")).status_code == 200
    assert app.state.database.engine.pool.checkedout() == 0


async def test_openapi_lists_problems_as_responses_of_every_route(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    answers = [o["responses"] for path in paths.values() for o in path.values()]
    reference = {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
    assert answers
    assert all(a["default"]["content"] == {"application/problem+json": reference} for a in answers)
    assert not any("422" in a for a in answers)
