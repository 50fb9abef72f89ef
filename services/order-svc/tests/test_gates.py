"""Gates of an order that on-call may clear with evidence and the right role."""

from __future__ import annotations

from order_builders import ORDER, a_signature

from contracts.money import Money
from contracts.order import OrderReleased
from testkit.harness import Harness

SAID = {"evidence": "limit raised by the bank, letter 17", "reason": "finance asked on-call"}


async def test_order_gate_hold_is_cleared_by_evidence_and_shipment_is_not(
    order_svc: Harness,
) -> None:
    await order_svc.receives(a_signature(gross=Money(5_000_001_00, "CNY")))
    path = f"/ops/expectations/{ORDER}"
    async with (
        order_svc.client("ops") as ops,
        order_svc.client("ops", "finance", sub="f") as also_finance,
    ):
        [gate] = (await ops.get("/ops/gates")).json()
        not_theirs = await ops.post(f"{path}/credit/resolve", json=SAID)
        none = await also_finance.post(f"{path}/customer/resolve", json=SAID)
        done = await also_finance.post(f"{path}/credit/resolve", json=SAID)
        elsewhere = await also_finance.post(f"{path}/erp_confirmation/resolve", json=SAID)
        [act] = (await ops.get("/ops/audit")).json()["items"]

    assert (gate["cleared_by"], gate["resolvable"]) == (["releaseCredit"], True)
    assert (not_theirs.status_code, none.status_code, done.status_code) == (403, 404, 200)
    assert len(await order_svc.published(OrderReleased)) == 1
    assert elsewhere.status_code == 409
    assert elsewhere.json()["detail"].endswith("is cleared by bookShipment")
    assert (act["actor_sub"], act["after"]["evidence"]) == ("f", SAID["evidence"])
    assert act["journey_id"] is not None
