"""The hub's webhooks through the console: the real hub over HTTP, with the person's token."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from console.peers import Peers
from hub.main import service as hub_service
from local_infra.ports import free_port
from testkit.harness import Harness, harness, over_http


@pytest.fixture
async def behind(console_svc: Harness) -> AsyncIterator[Harness]:
    """A hub that the console knows the address of."""
    async with harness(hub_service, "hub") as hub, over_http(hub.app) as url:
        console_svc.app.state.peers = Peers({"hub": url})
        yield hub
        await console_svc.app.state.peers.close()
        del console_svc.app.state.peers


async def make(client: httpx.AsyncClient) -> httpx.Response:
    form = {"url": "https://93.184.215.14/hook", "filter": {"types": ["ltc.deal.won.v1"]}}
    return await client.post("/hub/endpoints", json=form)


async def test_hub_proxy_creates_changes_and_removes_an_endpoint(
    console_svc: Harness, behind: Harness
) -> None:
    async with console_svc.client("admin") as admin:
        made = await make(admin)
        place = f"/hub/endpoints/{made.json()['id']}"
        listed = (await admin.get("/hub/endpoints", params={"limit": 1})).json()
        stale = await admin.patch(place, json={"description": "ERP"}, headers={"If-Match": '"v9"'})
        etag = (await admin.get(place)).headers["etag"]
        changed = await admin.patch(place, json={"description": "ERP"}, headers={"If-Match": etag})
        removed = await admin.delete(place, headers={"If-Match": changed.headers["etag"]})

    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"/hub/endpoints/{made.json()['id']}"
    assert [item["id"] for item in listed["items"]] == [made.json()["id"]]
    assert stale.status_code == 412
    assert stale.headers["content-type"] == "application/problem+json"
    assert changed.json()["description"] == "ERP"
    assert removed.status_code == 204
    assert made.json()["subscriber"] == "u-1"


async def test_hub_proxy_leaves_authorization_to_the_hub(
    console_svc: Harness, behind: Harness
) -> None:
    async with console_svc.client("sales_rep") as seller:
        direct = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=behind.app), base_url="http://hub",
            headers=seller.headers,
        )  # fmt: skip
        async with direct:
            own = await direct.get("/endpoints")
        passed = await seller.get("/hub/endpoints")

    assert own.status_code == passed.status_code == 403
    assert passed.json()["detail"] == own.json()["detail"]


async def test_hub_proxy_reaches_no_other_route_of_the_hub(
    console_svc: Harness, behind: Harness
) -> None:
    ways = (
        "events",
        "",
        "endpoints/../events",
        "endpoints/%2e%2e/events",
        "endpoints//x",
        "metrics",
    )
    async with console_svc.client("admin") as admin:
        answers = {way: (await admin.get(f"/hub/{way}")).status_code for way in ways}

    assert answers == dict.fromkeys(ways, 404)


async def test_hub_proxy_reports_a_hub_that_is_down(console_svc: Harness) -> None:
    console_svc.app.state.peers = Peers({"hub": f"http://127.0.0.1:{free_port()}"})
    try:
        async with console_svc.client("admin") as admin:
            answer = await admin.get("/hub/endpoints")
    finally:
        await console_svc.app.state.peers.close()
        del console_svc.app.state.peers

    assert answer.status_code == 503
    assert "the hub does not answer" in answer.json()["detail"]
