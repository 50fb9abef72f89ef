"""Subscribers that still get a deprecated version."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from hook_hub import an_endpoint, dispatching, facts, settled

from contracts.catalog import DEPRECATED, Deprecation
from hub.stragglers import old_types
from testkit.harness import Harness
from testkit.webhook_receiver import Receiver

CAPTURED, INSTEAD = "ltc.lead.captured.v1", "ltc.lead.qualified.v1"


@pytest.fixture
def captured_ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A version that is old now."""
    ending = Deprecation(date(2026, 12, 1), date(2027, 6, 1), INSTEAD)
    monkeypatch.setitem(DEPRECATED, CAPTURED, ending)
    old_types.cache_clear()
    yield
    old_types.cache_clear()


async def reads(hub: Harness, sub: str, *types: str, after: str | None = None) -> None:
    """To the end of the feed."""
    async with hub.client("subscriber", sub=sub) as reader:
        more = True
        while more:
            asked: dict[str, Any] = {"type": list(types)} | ({"after": after} if after else {})
            page = (await reader.get("/events", params=asked)).raise_for_status().json()
            after, more = page["next"], page["more"]


async def named(hub: Harness) -> list[dict[str, Any]]:
    async with hub.client("ops") as ops:
        answer = await ops.get("/subscribers/stragglers")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def test_deprecated_usage_is_empty_without_a_deprecation(
    hub: Harness, receiver: Receiver
) -> None:
    await an_endpoint(hub, receiver.url())
    async with hub.client("ops") as ops:
        answer = await ops.get("/subscribers/stragglers")
    assert answer.json() == [] if not DEPRECATED else answer.status_code == 200


async def test_deprecated_usage_names_each_endpoint_that_gets_the_version(
    hub: Harness, receiver: Receiver, captured_ends: None
) -> None:
    url = receiver.url()
    bound = await an_endpoint(hub, url, filter={"types": ["deal.*", CAPTURED]})
    family = await an_endpoint(hub, url, sub="bi", filter={"types": ["lead.*"]})
    all_ = await an_endpoint(hub, url, sub="crm")
    await an_endpoint(hub, url, filter={"types": ["deal.*"]})
    await an_endpoint(hub, url, filter={"stages": ["deal"]})
    await an_endpoint(hub, url, sub="deals-only")
    async with hub.client("admin") as admin:
        grant = {"stages": ["deal"], "reason": "deals"}
        await admin.put("/subscribers/deals-only", json=grant)
    async with dispatching(hub):
        await facts(hub, 1)
        await settled(hub, "delivered", 3)
    await hub.execute("DELETE FROM delivery WHERE endpoint_id = $1", all_["id"])

    found = await named(hub)

    assert [(f["subscriber"], f["endpoint_id"], f["pattern"]) for f in found] == [
        ("bi", family["id"], "lead.*"),
        ("crm", all_["id"], None),
        ("erp", bound["id"], CAPTURED),
    ]
    assert {(f["type"], f["instead"], f["ends"], f["door"], f["url"]) for f in found} == {
        (CAPTURED, INSTEAD, "2027-06-01", "webhook", url)
    }
    assert [bool(f["last_at"]) for f in found] == [True, False, True]
    assert datetime.fromisoformat(found[0]["last_at"]).tzinfo is not None


async def test_deprecated_usage_names_each_feed_reader_that_got_the_version(
    hub_svc: Harness, captured_ends: None
) -> None:
    await facts(hub_svc, 2)
    await reads(hub_svc, "bi", "lead.*")
    await reads(hub_svc, "crm")
    await reads(hub_svc, "erp", "deal.*", CAPTURED)
    await reads(hub_svc, "deals-only", "deal.*")
    await reads(hub_svc, "at-its-end", after="latest")

    found = await named(hub_svc)

    assert [(f["door"], f["subscriber"], f["type"], f["pattern"]) for f in found] == [
        ("feed", "bi", CAPTURED, "lead.*"),
        ("feed", "crm", CAPTURED, None),
        ("feed", "erp", CAPTURED, CAPTURED),
    ]
    assert {(f["instead"], f["ends"], f["endpoint_id"], f["url"]) for f in found} == {
        (INSTEAD, "2027-06-01", None, None)
    }
    assert all(datetime.fromisoformat(f["last_at"]).tzinfo for f in found)


async def test_deprecated_usage_records_a_reader_once_a_minute_for_a_month(
    hub_svc: Harness, captured_ends: None
) -> None:
    await facts(hub_svc, 1)
    await reads(hub_svc, "erp")
    [first] = await named(hub_svc)
    await reads(hub_svc, "erp")
    [again] = await named(hub_svc)
    await reads(hub_svc, "erp", "lead.*")
    [otherwise] = await named(hub_svc)
    await hub_svc.execute("UPDATE old_reader SET last_at = last_at - interval '2 minutes'")
    await reads(hub_svc, "erp", "lead.*")
    [later] = await named(hub_svc)

    assert again["last_at"] == first["last_at"]
    assert otherwise["pattern"] == "lead.*"
    assert later["last_at"] > otherwise["last_at"]
    await hub_svc.execute("UPDATE old_reader SET last_at = now() - interval '31 days'")
    assert await hub_svc.tick("forget_old_readers") == 1
    assert await named(hub_svc) == []


async def test_deprecated_usage_records_nothing_without_a_deprecation(hub_svc: Harness) -> None:
    await facts(hub_svc, 1)
    await reads(hub_svc, "erp")
    assert await hub_svc.rows("SELECT 1 FROM old_reader") == [] or old_types()
