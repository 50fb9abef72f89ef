"""One request is one transaction: success is stored, refusal and failure store nothing."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from thing_service import a_client, a_token, an_app, names, settings_for, thing_app

from testkit.harness import over_http


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


MATCHING = ("*", '"v1"', '"v0", "v1"', 'W/"v1","v1"', '"a,b" , "v1"', ' "v1" ')
STALE = ('"v2"', 'W/"v1"', '"abc"', '"v01"', '"v1,v2"', '""', '"v²"', f'"v{"9" * 500}"')
NO_TAGS = ("v1", "", ",", '"v1', '"v1" "v2"', '*, "v1"', 'w/"v1"', '"a"b"', '"v1",' * 300)


@pytest.mark.parametrize(
    ("seen", "status"),
    [
        *((seen, 200) for seen in MATCHING),
        *((seen, 412) for seen in STALE),
        *((seen, 400) for seen in NO_TAGS),
    ],
)
async def test_if_match_is_read_as_rfc_9110(
    client: httpx.AsyncClient, seen: str, status: int
) -> None:
    made = await client.post("/things", json={"name": f"thing {uuid4()}"})
    answer = await client.put(
        made.headers["location"],
        json={"name": "x"},
        headers=[(b"If-Match", seen.encode("latin-1"))],  # type: ignore[arg-type]
    )
    assert answer.status_code == status, answer.text


async def test_if_match_in_several_fields_is_one_list(client: httpx.AsyncClient) -> None:
    made = await client.post("/things", json={"name": f"thing {uuid4()}"})
    fields = [("If-Match", '"v7"'), ("If-Match", '"v1"')]
    answer = await client.put(made.headers["location"], json={"name": "x"}, headers=fields)
    assert answer.status_code == 200


async def test_if_match_any_of_nothing_is_not_found(client: httpx.AsyncClient) -> None:
    answer = await client.put(f"/things/{uuid4()}", json={"name": "x"}, headers={"If-Match": "*"})
    assert answer.status_code == 404


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


async def test_connection_serves_the_next_request_after_an_unexpected_error(app: FastAPI) -> None:
    """A pooled client would lose a request on a connection that is closed without a word."""
    opened: list[str] = []

    async def note(name: str, _: object) -> None:
        if name == "connection.connect_tcp.started":
            opened.append(name)

    headers = {"Authorization": f"Bearer {a_token('maker', 'looker')}"}
    async with over_http(app) as url, httpx.AsyncClient(base_url=url, headers=headers) as client:
        for _ in range(3):
            failed = await client.post(
                "/failures/bug", json={"name": f"{uuid4()}"}, extensions={"trace": note}
            )
            assert (failed.status_code, failed.headers.get("connection")) == (500, None)
            listed = await client.get("/things", extensions={"trace": note})
            assert listed.status_code == 200

    assert len(opened) == 1
