"""Requests for webhook replays: selection, dry run, permissions, list, audit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hook_hub import (
    facts,
)
from replay_hub import LONG_AGO, asks, late_endpoint, over, replaying, seen

from contracts.ids import new_id
from hub.webhooks import replays
from testkit.harness import Harness
from testkit.webhook_receiver import Receiver


async def test_webhook_replay_selects_by_each_filter(hub: Harness, receiver: Receiver) -> None:
    lead, start = new_id(), datetime.now(UTC)
    early = await facts(hub, 2)
    middle = datetime.now(UTC)
    late = await facts(hub, 2, of=lead)
    await hub.execute("UPDATE feed SET type = 'ltc.deal.won.v1' WHERE event_id = $1", UUID(late[1]))
    await hub.execute(
        "UPDATE feed SET journey_id = $1 WHERE event_id = $2", UUID(int=7), UUID(early[1])
    )
    made = await late_endpoint(hub, receiver.url())
    wanted: list[tuple[dict[str, Any], list[str]]] = [
        ({"from": start.isoformat()}, [*early, *late]),
        ({"from": middle.isoformat()}, late),
        ({"from": start.isoformat(), "to": middle.isoformat()}, early),
        ({"types": ["deal.*"]}, late[1:]),
        ({"types": ["lead.captured"], "from": middle.isoformat()}, late[:1]),
        ({"subject": str(lead)}, late),
        ({"journey": str(UUID(int=7))}, early[1:]),
        ({"from": datetime.now(UTC).isoformat()}, []),
    ]
    async with replaying(hub):
        for form, ids in wanted:
            receiver.calls.clear()
            told = (await asks(hub, made, **form, dry_run=True)).json()
            replay = (await asks(hub, made, **form)).json()
            await over(hub, replay["id"])
            assert told == {"matched": len(ids), "complete": True}, form
            assert sorted(receiver.ids()) == sorted(ids), form
            after = await seen(hub, made, replay["id"])
            assert (after["state"], after["looked_through"]) == ("ended", 1.0)
            counted = [after[n] for n in ("matched", "queued", "delivered", "pending", "given_up")]
            assert counted == [len(ids)] * 3 + [0, 0], form


async def test_webhook_replay_selects_by_time_of_arrival(hub: Harness, receiver: Receiver) -> None:
    """An event that arrived later may have the lower position."""
    [overtaken, early] = await facts(hub, 2)
    middle = datetime.now(UTC).isoformat()
    [late] = await facts(hub, 1)
    await hub.execute("UPDATE feed SET seen_at = now() WHERE event_id = $1", UUID(overtaken))
    made = await late_endpoint(hub, receiver.url())
    async with replaying(hub):
        for form, ids in (
            ({"from": middle}, [overtaken, late]),
            ({"from": LONG_AGO, "to": middle}, [early]),
        ):
            receiver.calls.clear()
            await over(hub, (await asks(hub, made, **form)).json()["id"])
            assert sorted(receiver.ids()) == sorted(ids), form


async def test_webhook_replay_refuses_an_invalid_request(hub: Harness, receiver: Receiver) -> None:
    made = await late_endpoint(hub, receiver.url())
    now = datetime.now(UTC)
    for form in (
        {"dry_run": True},
        {"types": ["deal.wun"]},
        {"from": now.isoformat(), "to": (now - timedelta(days=1)).isoformat()},
        {"from": "2026-11-27T00:00:00"},
        {"event_id": str(new_id())},
    ):
        answer = await asks(hub, made, **form)
        assert answer.status_code == 422, form
        assert answer.json()["errors"], form


async def test_webhook_replay_dry_run_changes_nothing(hub: Harness, receiver: Receiver) -> None:
    await facts(hub, 3)
    made = await late_endpoint(hub, receiver.url())

    answer = await asks(hub, made, **{"from": LONG_AGO, "dry_run": True})

    assert (answer.status_code, answer.json()["matched"]) == (200, 3)
    assert await hub.tick("deal_replays") == 0
    for table in ("replay", "delivery"):
        assert await hub.rows(f"SELECT 1 FROM {table}") == []  # noqa: S608
    assert await hub.rows("SELECT 1 FROM audit WHERE action = 'replay'") == []


async def test_webhook_replay_dry_run_over_its_time_reports_a_lower_bound(
    hub: Harness, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "COUNT_S", 0.0)
    await facts(hub, 3)
    made = await late_endpoint(hub, receiver.url())
    answer = await asks(hub, made, **{"from": LONG_AGO, "dry_run": True})
    assert answer.json() == {"matched": 0, "complete": False}


async def test_webhook_replay_applies_filter_and_grant(hub: Harness, receiver: Receiver) -> None:
    kept = await facts(hub, 2)
    others = await facts(hub, 2)
    for event_id in others:
        await hub.execute(
            "UPDATE feed SET type = 'ltc.deal.won.v1', stage = 'deal' WHERE event_id = $1",
            UUID(event_id),
        )
    by_filter = await late_endpoint(hub, receiver.url("/filter"), filter={"types": ["lead.*"]})
    by_grant = await late_endpoint(hub, receiver.url("/grant"), sub="bi")
    async with hub.client("admin") as admin:
        granted = {"stages": ["lead"], "reason": "leads only"}
        assert (await admin.put("/subscribers/bi", json=granted)).status_code == 200
    ask = {"from": LONG_AGO, "dry_run": True}
    assert (await asks(hub, by_filter, **ask)).json()["matched"] == 2
    assert (await asks(hub, by_grant, sub="bi", **ask)).json()["matched"] == 2
    async with replaying(hub):
        one, two = await asks(hub, by_filter), await asks(hub, by_grant, sub="bi")
        await over(hub, one.json()["id"])
        await over(hub, two.json()["id"])
    assert sorted(receiver.ids("/filter")) == sorted(receiver.ids("/grant")) == sorted(kept)


async def test_webhook_replay_is_visible_to_its_owner_only(
    hub: Harness, receiver: Receiver
) -> None:
    await facts(hub, 2)
    mine = await late_endpoint(hub, receiver.url("/mine"))
    also_mine = await late_endpoint(hub, receiver.url("/also"))
    replay = (await asks(hub, mine)).json()
    path = f"/endpoints/{mine['id']}/replays"
    async with hub.client("subscriber", sub="bi") as other:
        answers = [
            await other.post(path, json={"from": LONG_AGO}),
            await other.post(path, json={"from": LONG_AGO, "dry_run": True}),
            await other.get(path),
            await other.get(f"{path}/{replay['id']}"),
            await other.post(f"{path}/{replay['id']}/cancel"),
        ]
    assert [answer.status_code for answer in answers] == [404] * 5
    async with hub.client("subscriber", sub="erp") as erp:
        elsewhere = f"/endpoints/{also_mine['id']}/replays/{replay['id']}"
        assert (await erp.get(elsewhere)).status_code == 404
        assert (await erp.post(f"{elsewhere}/cancel")).status_code == 404
        listed = (await erp.get(f"/endpoints/{also_mine['id']}/replays")).json()["items"]
    assert listed == []
    async with replaying(hub):
        await over(hub, replay["id"])
    assert len(receiver.ids("/mine")) == 2
    assert receiver.ids("/also") == []


async def test_webhook_replays_are_listed_newest_first_and_deleted_after_retention(
    hub: Harness, receiver: Receiver
) -> None:
    made = await late_endpoint(hub, receiver.url())
    asked = [(await asks(hub, made)).json()["id"] for _ in range(3)]
    path = f"/endpoints/{made['id']}/replays"
    async with hub.client("auditor") as auditor:
        first = (await auditor.get(path, params={"limit": 2})).json()
        second = (await auditor.get(path, params={"limit": 2, "cursor": first["next"]})).json()
    assert [r["id"] for r in first["items"] + second["items"]] == asked[::-1]
    assert second["next"] is None
    assert first["items"][0]["asked_by"] == "erp"
    await hub.execute(
        "UPDATE replay SET state = 'ended', ended_at = now() - interval '31 days' WHERE id = $1",
        UUID(asked[0]),
    )
    assert await hub.tick("forget_replays") == 1
    assert len(await hub.rows("SELECT 1 FROM replay")) == 2


async def test_webhook_replay_is_audited_at_start_and_end(hub: Harness, receiver: Receiver) -> None:
    made = await late_endpoint(hub, receiver.url())
    replay = (await asks(hub, made, journey=str(UUID(int=7)))).json()
    async with hub.client("subscriber", sub="erp") as erp:
        cancel = f"/endpoints/{made['id']}/replays/{replay['id']}/cancel"
        cancelled = await erp.post(cancel)
        again = await erp.post(cancel)
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert again.status_code == 409
    rows = await hub.rows(
        "SELECT action, actor_sub, object_id, after->>'replay', journey_id FROM audit"
        " WHERE action LIKE '%replay' ORDER BY id"
    )
    about = ("erp", made["id"], replay["id"], UUID(int=7))
    assert [tuple(row) for row in rows] == [("replay", *about), ("cancel replay", *about)]


async def test_webhook_replays_in_progress_are_limited(
    hub: Harness, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "MOST_RUNNING", 2)
    made = await late_endpoint(hub, receiver.url())
    other = await late_endpoint(hub, receiver.url())
    asked = [(await asks(hub, made)).status_code for _ in range(3)]
    assert asked == [202, 202, 409]
    assert (await asks(hub, other)).status_code == 202


async def test_webhook_replays_end_with_the_removal_of_the_endpoint(
    hub: Harness, receiver: Receiver
) -> None:
    await facts(hub, 2)
    made = await late_endpoint(hub, receiver.url())
    await asks(hub, made)
    async with hub.client("subscriber", sub="erp") as erp:
        assert (await erp.delete(f"/endpoints/{made['id']}")).status_code == 204
    assert await hub.tick("deal_replays") == 0
    assert await hub.rows("SELECT 1 FROM replay") == []
