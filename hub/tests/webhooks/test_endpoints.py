"""The API of webhook endpoints: owner, refused settings, and secrets that are shown once."""

from __future__ import annotations

import json
import logging
from base64 import b64decode
from typing import Any

import pytest
from hook_hub import an_endpoint, dispatching, facts, settled
from hub_builders import a_capture, a_record

from contracts.ids import new_id
from testkit.harness import Harness
from testkit.webhook_receiver import Receiver


async def test_webhook_endpoint_is_visible_to_its_owner_and_auditors_only(
    hub: Harness, receiver: Receiver
) -> None:
    made = await an_endpoint(hub, receiver.url())
    path = f"/endpoints/{made['id']}"
    async with hub.client("subscriber", sub="bi") as other:
        seen = [
            (await other.get(path)).status_code,
            (await other.get(f"{path}/deliveries")).status_code,
            (await other.patch(path, json={}, headers={"If-Match": '"v1"'})).status_code,
            (await other.delete(path)).status_code,
            (await other.post(f"{path}/test")).status_code,
            (await other.post(f"{path}/enable")).status_code,
            (await other.post(f"{path}/secret/rotate", json={})).status_code,
            (await other.post(f"{path}/resend", json={"event_id": str(new_id())})).status_code,
        ]
        assert seen == [404] * 8
        assert (await other.get("/endpoints")).json()["items"] == []
        for_another = await other.post(
            "/endpoints", json={"url": receiver.url(), "subscriber": "erp"}
        )
        assert for_another.status_code == 422
    async with hub.client("ops") as ops:
        assert [e["id"] for e in (await ops.get("/endpoints")).json()["items"]] == [made["id"]]
        assert (await ops.delete(path)).status_code == 403
    async with hub.client("sales_rep") as rep:
        assert (await rep.get("/endpoints")).status_code == 403
    async with hub.client() as nobody:
        assert (await nobody.get("/endpoints")).status_code == 401
    async with hub.client("admin") as admin:
        theirs = await admin.post("/endpoints", json={"url": receiver.url(), "subscriber": "bi"})
        assert theirs.json()["subscriber"] == "bi"


@pytest.mark.parametrize("second", ["auditor", "ops"])
async def test_webhook_endpoint_of_another_is_read_and_not_changed_by_a_second_role(
    hub: Harness, receiver: Receiver, second: str
) -> None:
    path = f"/endpoints/{(await an_endpoint(hub, receiver.url()))['id']}"
    async with hub.client("subscriber", second, sub="bi") as other:
        assert (await other.get(path)).status_code == 200
        assert (await other.post(f"{path}/secret/rotate", json={})).status_code == 404
        assert (await other.delete(path)).status_code == 404


@pytest.mark.parametrize("scheme", ["hmac", "ed25519"])
async def test_webhook_secret_is_shown_once_and_stored_encrypted(
    hub: Harness, receiver: Receiver, scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = await an_endpoint(hub, receiver.url(), signature=scheme)
    async with dispatching(hub), hub.client("subscriber", sub="erp") as erp:
        rotated = (await erp.post(f"/endpoints/{made['id']}/secret/rotate", json={})).json()
        shown = (await erp.get(f"/endpoints/{made['id']}")).text
        listed = (await erp.get("/endpoints")).text
        await facts(hub, 1)
        await settled(hub, "delivered", 1)
    assert rotated["signature"] == scheme
    for secret in (made["secret"]["secret"], rotated["secret"]):
        bare = secret.partition("_")[2]
        assert len(b64decode(bare)) == 32
        if scheme == "ed25519":
            assert secret.startswith("whpk_")
            assert bare in shown  # the public half may be seen
            continue
        assert bare not in shown + listed + caplog.text
        for (table,) in await hub.rows(
            "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace"
            " AND c.relkind IN ('r', 'p')"
        ):
            rows = await hub.rows(f"SELECT t::text FROM {table} t")  # noqa: S608
            assert not any(bare in row[0] for row in rows), table
    for (sealed,) in await hub.rows("SELECT sealed FROM endpoint_secret"):
        assert sealed not in shown + listed


async def test_webhook_response_with_a_secret_is_not_stored_for_idempotency(
    hub: Harness, receiver: Receiver
) -> None:
    async with hub.client("subscriber", sub="erp") as erp:
        answer = await erp.post(
            "/endpoints", json={"url": receiver.url()}, headers={"Idempotency-Key": "once"}
        )
    assert answer.status_code == 400
    assert await hub.rows("SELECT 1 FROM endpoint") == []
    assert await hub.rows("SELECT 1 FROM idempotency_key") == []


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]:5432/",
        "http://2852039166/",
        "http://me:secret@example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "not a url",
        "http://",
    ],
)
async def test_webhook_endpoint_with_an_internal_url_is_refused(hub: Harness, url: str) -> None:
    async with hub.client("subscriber", sub="erp") as erp:
        answer = await erp.post("/endpoints", json={"url": url})
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


async def test_webhook_endpoint_needs_https_in_production(hub: Harness, receiver: Receiver) -> None:
    hub.settings.environment = "production"
    try:
        async with hub.client("subscriber", sub="erp") as erp:
            answer = await erp.post("/endpoints", json={"url": receiver.url()})
    finally:
        hub.settings.environment = "test"
    assert answer.status_code == 422
    assert "https://" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"types": ["deal.wonn"]}, "deal.wonn"),
        ({"stages": ["deals"]}, "deals"),
        ({"amount_at_least": {"amount": "1.234", "currency": "CNY"}}, "decimals"),
        ({"kinds": []}, "Extra"),
    ],
)
async def test_webhook_filter_that_never_matches_is_refused(
    hub: Harness, receiver: Receiver, wanted: dict[str, Any], said: str
) -> None:
    async with hub.client("subscriber", sub="erp") as erp:
        answer = await erp.post("/endpoints", json={"url": receiver.url(), "filter": wanted})
    assert answer.status_code == 422
    assert said in answer.text


async def test_webhook_endpoint_change_needs_if_match(hub: Harness, receiver: Receiver) -> None:
    made = await an_endpoint(hub, receiver.url("/old"))
    path = f"/endpoints/{made['id']}"
    change = {"url": receiver.url("/new"), "filter": {"types": ["lead.*"]}}
    async with hub.client("subscriber", sub="erp") as erp:
        blind = await erp.patch(path, json=change)
        good = await erp.patch(path, json=change, headers={"If-Match": '"v1"'})
        stale = await erp.patch(path, json=change, headers={"If-Match": '"v1"'})
    assert (blind.status_code, good.status_code, stale.status_code) == (428, 200, 412)
    assert good.headers["etag"] == '"v2"'
    async with dispatching(hub):
        await facts(hub, 1)
        await settled(hub, "delivered", 1)
    assert [call.path for call in receiver.calls] == ["/new"]


async def test_webhook_endpoint_gets_nothing_after_its_removal(
    hub: Harness, receiver: Receiver
) -> None:
    made = await an_endpoint(hub, receiver.url("/gone"))
    await an_endpoint(hub, receiver.url("/stays"))
    async with dispatching(hub):
        await facts(hub, 1)
        await settled(hub, "delivered", 2)
        async with hub.client("subscriber", sub="erp") as erp:
            assert (await erp.delete(f"/endpoints/{made['id']}")).status_code == 204
        await facts(hub, 1)
        await settled(hub, "delivered", 3)
    assert (len(receiver.ids("/gone")), len(receiver.ids("/stays"))) == (1, 2)
    assert len(await hub.rows("SELECT 1 FROM endpoint_secret")) == 1
    assert await hub.tick("forget_orphans") == 1
    assert await hub.tick("forget_orphans") == 0


async def test_webhook_sends_personal_data_only_with_the_grant(
    hub: Harness, receiver: Receiver
) -> None:
    """A revoked grant also applies to deliveries that wait."""
    canary = "Zzyzx Canary"
    capture = a_capture()
    capture = capture.model_copy(
        update={"contact": capture.contact.model_copy(update={"name": canary})}
    )
    await an_endpoint(hub, receiver.url())
    await hub.execute(
        "INSERT INTO subscriber (name, personal, changed_at) VALUES ('erp', true, now())"
    )
    async with dispatching(hub):
        await hub.receives_raw(a_record(capture))
        await receiver.until(1)
        await hub.execute("UPDATE subscriber SET personal = false")
        await hub.receives_raw(a_record(capture))
        await receiver.until(2)
        await hub.execute("UPDATE subscriber SET stages = '{deal}'")
        await hub.receives_raw(a_record(capture))
        await settled(hub, "dropped", 1)
    granted, without = (call.body.decode() for call in receiver.calls)
    assert canary in granted
    assert canary not in without
    assert json.loads(without)["data"]["number"] == capture.number


async def test_webhook_delivery_list_has_pages_and_a_backlog(
    hub: Harness, receiver: Receiver
) -> None:
    made = await an_endpoint(hub, receiver.url())
    async with dispatching(hub):
        ids = await facts(hub, 5)
        await settled(hub, "delivered", 5)
    await hub.execute("UPDATE delivery SET state = 'pending' WHERE event_id = $1", ids[0])
    path = f"/endpoints/{made['id']}/deliveries"
    seen: list[str] = []
    async with hub.client("subscriber", sub="erp") as erp:
        page = (await erp.get(path, params={"limit": 2})).json()
        seen += [d["event_id"] for d in page["items"]]
        while page["next"]:
            page = (await erp.get(path, params={"limit": 2, "cursor": page["next"]})).json()
            seen += [d["event_id"] for d in page["items"]]
        shown = (await erp.get(f"/endpoints/{made['id']}")).json()
        never = await erp.get(f"{path}/{new_id()}")
    assert sorted(seen) == sorted(ids)
    assert shown["backlog"]["pending"] == 1
    assert shown["backlog"]["oldest_at"] is not None
    assert never.status_code == 404
