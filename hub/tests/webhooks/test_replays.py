"""Replays: what of the feed an endpoint gets again, in which order, and what others notice."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hook_hub import (
    an_endpoint,
    deliveries,
    dispatching,
    ended,
    facts,
    settled,
    start_sending,
    until,
)
from hook_receiver import Call, Receiver, accept, hang, status

from chassis.testing import Harness
from chassis.timers import run_timer
from contracts.ids import new_id
from hub.main import service
from hub.webhooks import queue, replays
from hub.webhooks.queue import Due
from hub.webhooks.retrying import Outcome

DEALING = next(t for t in service.timers.timers if t.name == "deal_replays")
LONG_AGO = "2020-01-01T00:00:00Z"


@asynccontextmanager
async def replaying(hub: Harness) -> AsyncIterator[None]:
    """One instance that sends and deals replays out, until the end of the block."""
    async with dispatching(hub):
        task = asyncio.create_task(run_timer(hub.database, DEALING))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def asks(hub: Harness, endpoint: dict[str, Any], sub: str = "erp", **form: Any) -> Any:
    """A replay, as whoever asks sees it; of everything unless said otherwise."""
    async with hub.client("subscriber", sub=sub) as client:
        path = f"/endpoints/{endpoint['id']}/replays"
        return await client.post(path, json=form or {"from": LONG_AGO})


async def seen(hub: Harness, endpoint: dict[str, Any], replay: str) -> dict[str, Any]:
    async with hub.client("subscriber", sub="erp") as client:
        answer = await client.get(f"/endpoints/{endpoint['id']}/replays/{replay}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def over(hub: Harness, replay: str, *, within_s: float = 20.0) -> None:
    enough = "SELECT 1 FROM replay WHERE id = $1 AND state = 'ended'"
    await until(hub, enough, UUID(replay), within_s=within_s)


async def late_endpoint(hub: Harness, url: str, **form: Any) -> dict[str, Any]:
    """An endpoint made after all that there is: it gets that by a replay alone."""
    async with hub.transaction() as tx:
        while (await queue.deal_out(tx))[1]:
            pass
    return await an_endpoint(hub, url, **form)


async def filled(hub: Harness, aggregates: int, each: int) -> None:
    """A feed with so many facts, the first of each aggregate before the second of any."""
    await facts(hub, 1)
    await hub.execute(
        """INSERT INTO feed (seen_at, event_id, type, stage, subject, sequence, journey_id, owner,
             said_at, partition, kafka_offset, envelope, data)
           SELECT f.seen_at, n.id, f.type, f.stage, md5('a' || n.of)::uuid, n.turn, f.journey_id,
             f.owner, f.said_at, f.partition, f.kafka_offset + 1,
             replace(f.envelope, f.event_id::text, n.id::text), f.data
           FROM feed f CROSS JOIN LATERAL (
             SELECT md5(a || '.' || t)::uuid AS id, a AS of, t AS turn
             FROM generate_series(1, $2::int) t, generate_series(1, $1::int) a
             ORDER BY t, a) n""",
        aggregates,
        each,
    )


async def test_each_word_says_what_is_delivered_again(hub: Harness, receiver: Receiver) -> None:
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


async def test_a_time_is_of_what_came_in_then_whichever_place_it_has(
    hub: Harness, receiver: Receiver
) -> None:
    """A fact that began to come in later may have got its place sooner."""
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


async def test_what_is_asked_for_is_read_strictly(hub: Harness, receiver: Receiver) -> None:
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


async def test_a_dry_run_changes_nothing(hub: Harness, receiver: Receiver) -> None:
    await facts(hub, 3)
    made = await late_endpoint(hub, receiver.url())

    answer = await asks(hub, made, **{"from": LONG_AGO, "dry_run": True})

    assert (answer.status_code, answer.json()["matched"]) == (200, 3)
    assert await hub.tick("deal_replays") == 0
    for table in ("replay", "delivery"):
        assert await hub.rows(f"SELECT 1 FROM {table}") == []  # noqa: S608
    assert await hub.rows("SELECT 1 FROM audit WHERE action = 'replay'") == []


async def test_a_dry_run_that_takes_too_long_tells_at_least_how_many(
    hub: Harness, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "COUNT_S", 0.0)
    await facts(hub, 3)
    made = await late_endpoint(hub, receiver.url())
    answer = await asks(hub, made, **{"from": LONG_AGO, "dry_run": True})
    assert answer.json() == {"matched": 0, "complete": False}


async def test_filter_and_grant_hold_in_a_replay(hub: Harness, receiver: Receiver) -> None:
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


async def test_nobody_else_has_it_or_gets_anything(hub: Harness, receiver: Receiver) -> None:
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


async def test_replays_are_listed_newest_first_and_forgotten(
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


async def test_it_is_audited_and_so_is_its_end(hub: Harness, receiver: Receiver) -> None:
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


async def test_only_so_many_run_at_once(
    hub: Harness, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "MOST_RUNNING", 2)
    made = await late_endpoint(hub, receiver.url())
    other = await late_endpoint(hub, receiver.url())
    asked = [(await asks(hub, made)).status_code for _ in range(3)]
    assert asked == [202, 202, 409]
    assert (await asks(hub, other)).status_code == 202


async def test_what_is_on_its_way_is_not_queued_again(hub: Harness, receiver: Receiver) -> None:
    """It is sent once, at once, and a cancel leaves it alone."""
    receiver.behave = status(500)
    made = await an_endpoint(hub, receiver.url(), ordered=False)
    async with dispatching(hub):
        [waiting] = await facts(hub, 1)
        await until(hub, "SELECT 1 FROM delivery WHERE attempts = 1")
    before = await hub.rows("SELECT next_at FROM delivery")
    replay = (await asks(hub, made)).json()["id"]
    await hub.tick("deal_replays")
    shown = await seen(hub, made, replay)
    assert (shown["matched"], shown["queued"], shown["pending"]) == (1, 0, 0)
    [(next_at, attempts)] = await hub.rows("SELECT next_at, attempts FROM delivery")
    assert next_at < before[0][0]
    assert attempts == 0
    async with hub.client("subscriber", sub="erp") as erp:
        await erp.post(f"/endpoints/{made['id']}/replays/{replay}/cancel")
    [left] = await deliveries(hub, made["id"])
    assert (left["event_id"], left["state"]) == (waiting, "pending")


async def test_a_cancelled_replay_sends_no_more_and_what_is_new_goes_on(
    hub: Harness, receiver: Receiver
) -> None:
    lead = new_id()
    await facts(hub, 30, of=lead)
    made = await late_endpoint(hub, receiver.url())

    async def take_a_moment(call: Call, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        await accept(call, writer)

    receiver.behave = take_a_moment
    async with replaying(hub):
        replay = (await asks(hub, made)).json()["id"]
        await receiver.until(3)
        [new] = await facts(hub, 1, of=lead)
        await until(hub, "SELECT 1 FROM delivery WHERE event_id = $1", UUID(new))
        async with hub.client("subscriber", sub="erp") as erp:
            await erp.post(f"/endpoints/{made['id']}/replays/{replay}/cancel")
        await until(
            hub, "SELECT 1 FROM delivery WHERE event_id = $1 AND state = 'delivered'", UUID(new)
        )
    shown = await seen(hub, made, replay)
    assert shown["state"] == "cancelled"
    assert shown["pending"] == 0
    assert shown["dropped"] == 30 - shown["delivered"] > 10
    assert receiver.ids()[-1] == new
    assert len(receiver.calls) == shown["delivered"] + 1


async def test_what_waited_behind_a_cancelled_replay_is_next(
    hub: Harness, receiver: Receiver
) -> None:
    """Though nothing of the replay is being sent, whose end would have told it."""
    lead = new_id()
    await facts(hub, 2, of=lead)
    made = await late_endpoint(hub, receiver.url())
    replay = (await asks(hub, made)).json()["id"]
    await hub.tick("deal_replays")
    [new] = await facts(hub, 1, of=lead)
    async with hub.transaction() as tx:
        await queue.deal_out(tx)
    async with hub.client("subscriber", sub="erp") as erp:
        await erp.post(f"/endpoints/{made['id']}/replays/{replay}/cancel")
    async with hub.transaction() as tx:
        due = await queue.take(tx, uuid4(), 60, {}, 16)
    assert [str(one.event_id) for one in due] == [new]


async def test_a_removed_endpoints_replays_end_with_it(hub: Harness, receiver: Receiver) -> None:
    await facts(hub, 2)
    made = await late_endpoint(hub, receiver.url())
    await asks(hub, made)
    async with hub.client("subscriber", sub="erp") as erp:
        assert (await erp.delete(f"/endpoints/{made['id']}")).status_code == 204
    assert await hub.tick("deal_replays") == 0
    assert await hub.rows("SELECT 1 FROM replay") == []


async def test_a_replay_that_hangs_delays_no_other_endpoint(
    hub: Harness, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it pile up: so long as its deliveries wait, no more of it is queued."""
    monkeypatch.setattr(replays, "AHEAD", 50)
    await filled(hub, 500, 1)
    stuck = await late_endpoint(hub, receiver.url("/stuck"))
    await late_endpoint(hub, receiver.url("/well"))
    receiver.at["/stuck"] = hang
    async with replaying(hub):
        replay = (await asks(hub, stuck)).json()["id"]
        await until(hub, "SELECT 1 FROM delivery HAVING count(*) >= 50")
        for _ in range(5):
            sent = await facts(hub, 1)
            await until(
                hub,
                "SELECT 1 FROM delivery WHERE event_id = $1 AND state = 'delivered'",
                UUID(sent[0]),
                within_s=5,
            )
        shown = await seen(hub, stuck, replay)
    assert len(receiver.ids("/well")) == 5
    assert (shown["state"], shown["queued"], shown["pending"]) == ("running", 50, 50)


async def test_what_is_new_of_an_aggregate_waits_for_what_is_replayed_of_it(
    hub: Harness, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the replay has not come to it yet; and what was brought forward is not sent again."""
    monkeypatch.setattr(replays, "AHEAD", 10)
    await facts(hub, 30)
    lead = new_id()
    old = await facts(hub, 3, of=lead)
    made = await late_endpoint(hub, receiver.url())
    replay = (await asks(hub, made)).json()["id"]
    await hub.tick("deal_replays")
    new = await facts(hub, 1, of=lead)
    async with hub.transaction() as tx:
        await queue.deal_out(tx)
    assert (await seen(hub, made, replay))["queued"] == 13
    async with replaying(hub):
        await over(hub, replay)
        await settled(hub, "delivered", 34)
    assert [i for i in receiver.ids() if i in [*old, *new]] == [*old, *new]
    assert len(receiver.calls) == 34
    assert (await seen(hub, made, replay))["matched"] == 33


async def test_what_is_being_sent_is_sent_again_after_what_goes_before_it(
    hub: Harness, receiver: Receiver
) -> None:
    """Its failure, told late, does not put it in front."""
    lead = new_id()
    old = await facts(hub, 2, of=lead)
    made = await late_endpoint(hub, receiver.url())
    hanging = asyncio.Event()

    async def fail_late(call: Call, writer: asyncio.StreamWriter) -> None:
        await hanging.wait()
        await status(500)(call, writer)

    receiver.behave = fail_late
    async with replaying(hub):
        new = await facts(hub, 1, of=lead)
        await receiver.until(1)
        replay = (await asks(hub, made)).json()["id"]
        await receiver.until(2)
        receiver.behave = accept
        hanging.set()
        await hub.execute("UPDATE delivery SET next_at = now() WHERE state = 'pending'")
        await until(hub, "SELECT 1 FROM attempt HAVING count(*) >= 2")
        await hub.execute("UPDATE delivery SET next_at = now() WHERE state = 'pending'")
        await over(hub, replay)
        await settled(hub, "delivered", 3)
    accepted = await hub.rows("SELECT event_id FROM attempt WHERE outcome = 'accepted' ORDER BY id")
    assert [str(row[0]) for row in accepted] == [*old, *new]


def in_order(came: list[str], feed: list[Any]) -> bool:
    """Whether of each aggregate everything came in the feed's order."""
    place = {event_id: n for n, event_id in enumerate(dict.fromkeys(came))}
    last: dict[UUID, int] = {}
    for event_id, subject in feed:
        if place[str(event_id)] < last.get(subject, -1):
            return False
        last[subject] = place[str(event_id)]
    return True


async def test_a_large_replay_in_portions_while_new_facts_come(
    hub: Harness, receiver: Receiver
) -> None:
    """25,000 facts, more than one request once could ask for. What the dispatcher does is done
    here by hand, without HTTP. Nothing comes twice, little waits at any time."""
    await filled(hub, 5000, 5)
    leads = [row[0] for row in await hub.rows("SELECT DISTINCT subject FROM feed LIMIT 60")]
    made = await late_endpoint(hub, receiver.url())
    replay = (await asks(hub, made)).json()["id"]
    came: list[str] = []
    lease, waited, new = uuid4(), 0, list(leads)
    due: list[Due] = []
    while new or due or not came:
        if new:
            await facts(hub, 1, of=new.pop())
        while await hub.tick("deal_replays"):
            pass
        async with hub.transaction() as tx:
            await queue.deal_out(tx)
            due = await queue.take(tx, lease, 60, {}, 1000)
        waited = max(waited, (await seen(hub, made, replay))["pending"])
        async with hub.transaction() as tx:
            await queue.record(tx, lease, [ended(one, Outcome.ACCEPTED) for one in due])
        came += [str(one.event_id) for one in due]
    await hub.tick("deal_replays")
    shown = await seen(hub, made, replay)
    assert shown["state"] == "ended"
    assert (shown["matched"], shown["queued"], shown["delivered"]) == (25_001,) * 3
    assert len(came) == len(set(came)) == 25_061
    assert waited <= replays.AHEAD + 5 * len(leads)
    assert in_order(came, await hub.rows("SELECT event_id, subject FROM feed ORDER BY position"))


async def test_new_facts_come_while_a_replay_is_sent(hub: Harness, receiver: Receiver) -> None:
    """The same over HTTP."""
    await filled(hub, 300, 4)
    leads = [row[0] for row in await hub.rows("SELECT DISTINCT subject FROM feed LIMIT 20")]
    made = await late_endpoint(hub, receiver.url())
    async with replaying(hub):
        replay = (await asks(hub, made)).json()["id"]
        for n, lead in enumerate(leads):
            await receiver.until(40 * n, within_s=30)
            await facts(hub, 1, of=lead)
        await over(hub, replay, within_s=60)
        await settled(hub, "delivered", 1221, within_s=30)
    assert len(receiver.calls) == 1221
    order = await hub.rows("SELECT event_id, subject FROM feed ORDER BY position")
    assert in_order(receiver.ids(), order)


async def test_whoever_is_killed_in_a_replay_it_ends_complete_and_in_order(
    hub: Harness, receiver: Receiver
) -> None:
    await filled(hub, 200, 5)

    async def take_a_moment(call: Call, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.02)
        await accept(call, writer)

    receiver.behave = take_a_moment
    made = await late_endpoint(hub, receiver.url())
    processes = [await start_sending(hub), await start_sending(hub)]
    try:
        replay = (await asks(hub, made)).json()["id"]
        for n in range(4):
            await receiver.until(len(receiver.calls) + 60, within_s=60)
            processes[n % 2].send_signal(signal.SIGKILL)
            await processes[n % 2].wait()
            processes[n % 2] = await start_sending(hub)
        await over(hub, replay, within_s=120)
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    order = await hub.rows("SELECT event_id, subject FROM feed ORDER BY position")
    assert set(receiver.ids()) == {str(event_id) for event_id, _ in order}
    assert in_order(receiver.ids(), order)
    shown = await seen(hub, made, replay)
    assert (shown["matched"], shown["queued"], shown["delivered"]) == (1001,) * 3
