"""Keyset pagination: the pages together are the plain list, also while rows are inserted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from thing_service import THINGS, a_client, thing_app

from chassis.audit import AuditRow
from chassis.pagination import cursor_after, page_of
from chassis.tables import table_of

SOME_ID = UUID("0190a000-0000-7000-8000-000000000001")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ROWS = 500


@pytest.fixture(scope="module")
async def app() -> AsyncIterator[FastAPI]:
    """500 things, seven at each instant, so that only the id tells them apart."""
    async with thing_app() as app:
        rows = [a_row(f"thing {n}", NOON + timedelta(microseconds=n // 7)) for n in range(ROWS)]
        async with app.state.database.engine.begin() as connection:
            await connection.execute(THINGS.insert(), rows)
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(app) as client:
        yield client


def a_row(name: str, made_at: datetime) -> dict[str, Any]:
    return {"id": uuid4(), "name": name, "size": 1, "revision": 1, "made_at": made_at}


async def in_order(app: FastAPI) -> list[UUID]:
    query = select(THINGS.c.id).order_by(THINGS.c.made_at.desc(), THINGS.c.id.desc())
    async with app.state.database.engine.connect() as connection:
        return list((await connection.execute(query)).scalars())


@pytest.mark.parametrize("limit", [1, 7, 50, 200])
async def test_pagination_pages_together_are_the_plain_list(
    app: FastAPI, client: httpx.AsyncClient, limit: int
) -> None:
    found: list[UUID] = []
    url = f"/things?limit={limit}"
    while url:
        answer = await client.get(url)
        page = answer.json()
        found += [UUID(item["id"]) for item in page["items"]]
        link = answer.links.get("next")
        assert (link is None) == (page["next"] is None)
        url = str(answer.url.join(link["url"])) if link else ""
    assert found == await in_order(app)


async def test_pagination_is_stable_while_rows_are_inserted(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    before = await in_order(app)
    first = (await client.get("/things?limit=50")).json()
    async with app.state.database.engine.begin() as connection:
        await connection.execute(THINGS.insert(), [a_row("newer", NOON + timedelta(days=1))])
        await connection.execute(THINGS.delete().where(THINGS.c.id == before[10]))
    second = (await client.get(f"/things?limit=50&cursor={first['next']}")).json()
    found = [UUID(item["id"]) for item in first["items"] + second["items"]]
    assert found == before[:100]


async def test_pagination_link_keeps_the_query(client: httpx.AsyncClient) -> None:
    answer = await client.get("/things?limit=3")
    assert answer.links["next"]["url"].startswith("?limit=3&cursor=")


async def test_pagination_last_page_has_no_link(client: httpx.AsyncClient) -> None:
    answer = await client.get("/things?q=thing 3")
    assert [item["name"] for item in answer.json()["items"]] == ["thing 3"]
    assert (answer.json()["next"], "link" in answer.headers) == (None, False)


async def test_pagination_default_limit_is_50(
    client: httpx.AsyncClient,
) -> None:
    assert len((await client.get("/things")).json()["items"]) == 50


@pytest.mark.parametrize("limit", [0, -1, 201, 10**30, "many"])
async def test_pagination_limit_is_1_to_200(client: httpx.AsyncClient, limit: object) -> None:
    assert (await client.get(f"/things?limit={limit}")).status_code == 422


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        "%20%20",
        "bnVsbA",
        cursor_after(5, SOME_ID),
        cursor_after(None, SOME_ID),
        cursor_after("noon", SOME_ID),
        cursor_after("2026-11-24T12:00:00", SOME_ID),
        cursor_after("20261124", SOME_ID),
        cursor_after("9999-12-31T23:59:59-05:00", SOME_ID),
        cursor_after(NOON, SOME_ID)[:-10],
        cursor_after([NOON], SOME_ID),
        cursor_after("a\x00", SOME_ID),
    ],
)
async def test_pagination_answers_400_to_an_invalid_cursor(
    client: httpx.AsyncClient, cursor: str
) -> None:
    answer = await client.get(f"/things?cursor={cursor}")
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:ltc:problem:bad-cursor")


def test_pagination_cursor_keeps_the_type_of_the_column() -> None:
    table = table_of(AuditRow)
    query = page_of(
        select(table), table.c.at, table.c.id, cursor=cursor_after(NOON, uuid4()), limit=1
    )

    assert NOON in query.compile().params.values()
