"""Who still gets a version that ends, or one that has a successor."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hook_hub import an_endpoint, dispatching, facts, settled
from hook_receiver import Receiver

from chassis.testing import Harness
from contracts.catalog import DEPRECATED, Deprecation

CAPTURED, INSTEAD = "ltc.lead.captured.v1", "ltc.lead.qualified.v1"


async def test_nobody_is_named_while_no_version_is_old(hub: Harness, receiver: Receiver) -> None:
    await an_endpoint(hub, receiver.url())
    async with hub.client("ops") as ops:
        answer = await ops.get("/subscribers/stragglers")
    assert answer.json() == [] if not DEPRECATED else answer.status_code == 200


async def test_each_endpoint_that_an_old_version_goes_to_is_named(
    hub: Harness, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending = Deprecation(date(2026, 12, 1), date(2027, 6, 1), INSTEAD)
    monkeypatch.setitem(DEPRECATED, CAPTURED, ending)
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

    async with hub.client("ops") as ops:
        found = (await ops.get("/subscribers/stragglers")).json()

    assert [(f["subscriber"], f["endpoint_id"], f["pattern"]) for f in found] == [
        ("bi", family["id"], "lead.*"),
        ("crm", all_["id"], None),
        ("erp", bound["id"], CAPTURED),
    ]
    assert {(f["type"], f["instead"], f["ends"]) for f in found} == {
        (CAPTURED, INSTEAD, "2027-06-01")
    }
    assert [bool(f["last_delivered_at"]) for f in found] == [True, False, True]
    assert datetime.fromisoformat(found[0]["last_delivered_at"]).tzinfo is not None
