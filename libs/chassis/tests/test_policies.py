"""Policies are versioned data: readable in every version, changed by few roles, audited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from thing_service import Limits, a_client, a_token, policies, thing_app


@pytest.fixture
async def app() -> AsyncIterator[FastAPI]:
    async with thing_app() as app:
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(app) as client:
        yield client


def to(greatest: object, reason: str = "bigger shelves") -> dict[str, object]:
    return {"rules": {"greatest": greatest}, "reason": reason}


async def change(client: httpx.AsyncClient, seen: int, **body: object) -> httpx.Response:
    return await client.put("/policies/limits", json=body, headers={"If-Match": f'"v{seen}"'})


async def test_policy_defaults_are_version_0(client: httpx.AsyncClient) -> None:
    shown = await client.get("/policies/limits")
    assert shown.json() == {
        "name": "limits",
        "version": 0,
        "rules": {"greatest": 10},
        "unusable": [],
    }
    assert shown.headers["etag"] == '"v0"'
    assert (await client.get("/policies")).json() == [shown.json()]


async def test_policy_change_is_a_new_version_with_immediate_effect(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    async with app.state.database.transaction() as tx:
        before = await policies.get(tx, "limits", Limits)
    changed = await change(client, 0, **to(20))
    assert (changed.status_code, changed.headers["etag"]) == (200, '"v1"')
    async with app.state.database.transaction() as tx:
        after = await policies.get(tx, "limits", Limits)
    assert (before.rules.greatest, after.rules.greatest) == (10, 20)
    assert (before.cite, after.cite) == ("policy:limits@0", "policy:limits@1")


async def test_policy_versions_stay_readable_with_actor_and_reason(
    client: httpx.AsyncClient,
) -> None:
    await change(client, 0, **to(20))
    await change(client, 1, **to(5, "the shelf broke"))
    versions = (await client.get("/policies/limits/versions")).json()
    told = [(v["version"], v["rules"]["greatest"], v["changed_by"], v["reason"]) for v in versions]
    assert told == [(2, 5, "u-1", "the shelf broke"), (1, 20, "u-1", "bigger shelves")]


async def test_policy_change_is_audited_with_before_and_after(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    await change(client, 0, **to(20))
    async with app.state.database.engine.connect() as connection:
        rows = await connection.exec_driver_sql(
            "SELECT actor_sub, actor_name, action, object_type, object_id, before, after, reason"
            " FROM audit"
        )
        [row] = rows.all()
    assert tuple(row) == (
        *("u-1", "Ada Lovelace", "change", "policy", "limits"),
        *({"greatest": 10}, {"greatest": 20}, "bigger shelves"),
    )


async def test_policy_change_needs_the_current_version(client: httpx.AsyncClient) -> None:
    await change(client, 0, **to(20))
    assert (await change(client, 0, **to(30))).status_code == 412
    assert (await client.get("/policies/limits")).json()["rules"] == {"greatest": 20}
    assert (await client.put("/policies/limits", json=to(30))).status_code == 428


async def test_policy_concurrent_changes_conflict(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(change(client, 0, **to(n)) for n in range(20, 26)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes[0] == 200
    assert set(codes[1:]) <= {409, 412}
    assert (await client.get("/policies/limits")).json()["version"] == 1


@pytest.mark.parametrize("greatest", [0, "many", None, 1.5])
async def test_policy_refuses_invalid_rules_by_json_pointer(
    client: httpx.AsyncClient, greatest: object
) -> None:
    answer = await change(client, 0, **to(greatest))
    assert answer.status_code == 422
    assert [e["pointer"] for e in answer.json()["errors"]] == ["/body/rules/greatest"]


async def test_policy_change_needs_a_reason(client: httpx.AsyncClient) -> None:
    assert (await change(client, 0, **to(20, ""))).status_code == 422


async def test_policy_reader_may_not_change(app: FastAPI) -> None:
    async with a_client(app, a_token("looker")) as looker:
        assert (await looker.get("/policies/limits")).status_code == 200
        assert (await change(looker, 0, **to(20))).status_code == 403


@pytest.mark.parametrize("path", ["/policies/none", "/policies/none/versions"])
async def test_policy_of_an_unknown_name_is_404(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_policy_caches_of_two_databases_are_separate(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    await change(client, 0, **to(20))
    async with (
        thing_app() as other,
        app.state.database.transaction() as one,
        other.state.database.transaction() as two,
    ):
        rulings = [await policies.get(tx, "limits", Limits) for tx in (one, two, one, two)]
    assert [ruling.version for ruling in rulings] == [1, 0, 1, 0]


async def test_policy_that_cannot_be_used_leaves_the_last_good_one_in_force(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    """As one that an earlier release took, before it had bounds."""
    await change(client, 0, **to(20))
    async with app.state.database.engine.begin() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO policy"
            " SELECT name, 2, '{\"greatest\": -1}', changed_by, changed_at, reason FROM policy"
        )
    policies.forget()
    async with app.state.database.transaction() as tx:
        ruling = await policies.get(tx, "limits", Limits)
    shown = await client.get("/policies/limits")
    repaired = await change(client, 2, **to(30))

    assert (ruling.cite, ruling.rules.greatest) == ("policy:limits@1", 20)
    assert (shown.json()["unusable"], shown.headers["etag"]) == ([2], '"v2"')
    assert (repaired.status_code, repaired.headers["etag"]) == (200, '"v3"')
