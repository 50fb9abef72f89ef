"""Idempotency-Key: one key and request have one effect and one response, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI
from thing_service import PAUSE, Pause, a_client, a_token, names, thing_app

from chassis import bulk
from chassis.idempotency import purge


@pytest.fixture(scope="module")
async def app() -> AsyncIterator[FastAPI]:
    async with thing_app() as app:
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(app) as client:
        yield client


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


async def test_idempotency_repeated_request_has_one_effect_and_the_same_response(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    body = {"name": "once"}
    first = await client.post("/things", json=body, headers=keyed("k-once"))
    again = await client.post("/things", json=body, headers=keyed("k-once"))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    for header in ("location", "etag", "content-type"):
        assert again.headers[header] == first.headers[header]
    assert (await names(app)).count("once") == 1


async def test_idempotency_key_with_another_payload_is_refused(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    await client.post("/things", json={"name": "mine"}, headers=keyed("k-other"))
    other = await client.post("/things", json={"name": "not mine"}, headers=keyed("k-other"))
    assert other.status_code == 422
    assert other.json()["type"] == "urn:ltc:problem:idempotency-key-reused"
    assert "not mine" not in await names(app)


async def test_idempotency_key_with_another_route_is_refused(client: httpx.AsyncClient) -> None:
    await client.post("/things", json={"name": "routed"}, headers=keyed("k-route"))
    other = await client.post("/payments", json={"name": "routed"}, headers=keyed("k-route"))
    assert other.status_code == 422


async def test_idempotency_key_in_flight_is_a_conflict(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    PAUSE["slow"] = pause = Pause()
    body = {"name": "slow"}
    first = asyncio.create_task(client.post("/things", json=body, headers=keyed("k-slow")))
    await pause.reached.wait()
    second = await client.post("/things", json=body, headers=keyed("k-slow"))
    assert second.status_code == 409
    assert second.json()["type"] == "urn:ltc:problem:idempotency-key-in-flight"
    PAUSE.pop("slow")
    pause.over.set()
    assert (await first).status_code == 201
    third = await client.post("/things", json=body, headers=keyed("k-slow"))
    assert third.content == (await first).content
    assert (await names(app)).count("slow") == 1


async def test_idempotency_twenty_concurrent_requests_have_one_effect(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    body = {"name": "crowd"}
    answers = await asyncio.gather(
        *(client.post("/things", json=body, headers=keyed("k-crowd")) for _ in range(20))
    )
    assert {a.status_code for a in answers} <= {201, 409}
    assert len({a.content for a in answers if a.status_code == 201}) == 1
    assert (await names(app)).count("crowd") == 1


async def test_idempotency_key_stays_free_after_a_refused_request(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    refused = await client.post("/failures/lapsed", json={"name": "again"}, headers=keyed("k-free"))
    assert refused.status_code == 409
    done = await client.post("/things", json={"name": "again"}, headers=keyed("k-free"))
    assert done.status_code == 201
    assert "idempotency-replayed" not in done.headers


async def test_idempotency_failed_commit_stores_no_response(client: httpx.AsyncClient) -> None:
    for _ in range(2):
        answer = await client.post("/things", json={"name": "doomed"}, headers=keyed("k-doomed"))
        assert answer.status_code == 500


async def test_idempotency_keys_are_separate_per_person(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    await client.post("/things", json={"name": "hers"}, headers=keyed("k-1"))
    async with a_client(app, a_token("maker", sub="u-2")) as other:
        answer = await other.post("/things", json={"name": "his"}, headers=keyed("k-1"))
    assert answer.json()["actor"] == "u-2"


async def test_idempotency_keys_are_separate_per_signed_link(app: FastAPI) -> None:
    async with a_client(app, "") as nobody:
        one = await nobody.post("/by-link/one", json={"name": "l-1"}, headers=keyed("k-link"))
        two = await nobody.post("/by-link/two", json={"name": "l-2"}, headers=keyed("k-link"))
        again = await nobody.post("/by-link/one", json={"name": "l-1"}, headers=keyed("k-link"))
    assert (one.status_code, two.status_code) == (200, 200)
    assert again.content == one.content


async def test_idempotency_stored_response_needs_the_role(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    body = {"name": "demoted"}
    await client.post("/things", json=body, headers=keyed("k-role"))
    async with a_client(app, a_token("looker")) as demoted:
        answer = await demoted.post("/things", json=body, headers=keyed("k-role"))
    assert answer.status_code == 403


async def test_idempotency_key_is_required_where_the_route_says_so(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    answer = await client.post("/payments", json={"name": "paid"})
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:ltc:problem:idempotency-key-missing"
    assert "paid" not in await names(app)


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_idempotency_key_has_1_to_255_characters(client: httpx.AsyncClient, key: str) -> None:
    answer = await client.post("/things", json={"name": "keyed"}, headers=keyed(key))
    assert answer.status_code == 400


async def test_idempotency_responses_are_deleted_after_two_days(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    body = {"name": "forgotten"}
    await client.post("/things", json=body, headers=keyed("k-old"))
    for days, status in ((1, 201), (3, 409)):
        async with bulk.begun(app.state.database.engine) as connection:
            await purge(connection, datetime.now(UTC) + timedelta(days=days))
        answer = await client.post("/things", json=body, headers=keyed("k-old"))
        assert answer.status_code == status
