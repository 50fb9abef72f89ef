"""Webhook replays in progress: order of arrival, new events, and other endpoints."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
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
from replay_hub import asks, filled, in_order, late_endpoint, over, replaying, seen

from contracts.ids import new_id
from hub.webhooks import dealing, queue, replays, selection
from hub.webhooks.queue import Due
from hub.webhooks.retrying import Outcome
from testkit.harness import Harness
from testkit.webhook_receiver import Call, Receiver, accept, hang, status


async def queued(hub: Harness, receiver: Receiver, count: int) -> tuple[dict[str, Any], str, UUID]:
    """An endpoint, a replay of so many facts to it that waits to be sent, and whose facts."""
    lead = new_id()
    await facts(hub, count, of=lead)
    made = await late_endpoint(hub, receiver.url())
    replay: str = (await asks(hub, made)).json()["id"]
    await hub.tick("deal_replays")
    return made, replay, lead


async def cancelled_after_news(hub: Harness, made: dict[str, Any], replay: str, lead: UUID) -> str:
    """A fact that waits behind the replay, which is cancelled then."""
    [new] = await facts(hub, 1, of=lead)
    async with hub.transaction() as tx:
        await dealing.deal_out(tx)
    async with hub.client("subscriber", sub="erp") as erp:
        await erp.post(f"/endpoints/{made['id']}/replays/{replay}/cancel")
    return new


async def test_webhook_replay_skips_deliveries_in_progress(
    hub: Harness, receiver: Receiver
) -> None:
    """It is sent once, at once, and a cancelled replay does not stop it."""
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


async def test_webhook_replay_cancelled_sends_no_more_and_new_events_go_on(
    hub: Harness, receiver: Receiver
) -> None:
    lead = new_id()
    await facts(hub, 30, of=lead)
    made = await late_endpoint(hub, receiver.url())

    cancelled = asyncio.Event()

    async def hang_in_the_midst(call: Call, writer: asyncio.StreamWriter) -> None:
        if len(receiver.calls) > 3:
            await cancelled.wait()
        await accept(call, writer)

    receiver.behave = hang_in_the_midst
    async with replaying(hub):
        replay = (await asks(hub, made)).json()["id"]
        await receiver.until(4)
        [new] = await facts(hub, 1, of=lead)
        await until(hub, "SELECT 1 FROM delivery WHERE event_id = $1", UUID(new))
        async with hub.client("subscriber", sub="erp") as erp:
            await erp.post(f"/endpoints/{made['id']}/replays/{replay}/cancel")
        cancelled.set()
        await until(
            hub, "SELECT 1 FROM delivery WHERE event_id = $1 AND state = 'delivered'", UUID(new)
        )
    shown = await seen(hub, made, replay)
    assert shown["state"] == "cancelled"
    assert shown["pending"] == 0
    assert (shown["delivered"], shown["dropped"]) == (4, 26)
    assert receiver.ids()[-1] == new
    assert len(receiver.calls) == shown["delivered"] + 1


async def test_webhook_replay_cancelled_releases_the_events_behind_it(
    hub: Harness, receiver: Receiver
) -> None:
    """No delivery of the replay is in progress whose end would release them."""
    made, replay, lead = await queued(hub, receiver, 2)
    new = await cancelled_after_news(hub, made, replay, lead)
    async with hub.transaction() as tx:
        due = await queue.take(tx, uuid4(), 60, {}, 16)
    assert [str(one.event_id) for one in due] == [new]


async def test_webhook_replay_cancelled_retries_no_delivery_in_progress(
    hub: Harness, receiver: Receiver
) -> None:
    made, replay, lead = await queued(hub, receiver, 1)
    lease = uuid4()
    async with hub.transaction() as tx:
        [due] = await queue.take(tx, lease, 60, {}, 16)
    new = await cancelled_after_news(hub, made, replay, lead)
    async with hub.transaction() as tx:
        await queue.record(tx, lease, [ended(due, Outcome.TIMEOUT)])
        after = await queue.take(tx, lease, 60, {}, 16)
    shown = await seen(hub, made, replay)
    assert (shown["pending"], shown["dropped"]) == (0, 1)
    assert [str(one.event_id) for one in after] == [new]


async def test_webhook_replay_to_a_hanging_endpoint_delays_no_other(
    hub: Harness, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more of it is queued while its deliveries wait."""
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
            )
        shown = await seen(hub, stuck, replay)
    assert len(receiver.ids("/well")) == 5
    assert (shown["state"], shown["queued"], shown["pending"]) == ("running", 50, 50)


async def test_webhook_replay_goes_before_new_events_of_the_aggregate(
    hub: Harness, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also before the replay reaches the aggregate. Events moved forward are sent once."""
    monkeypatch.setattr(replays, "AHEAD", 10)
    await facts(hub, 30)
    lead = new_id()
    old = await facts(hub, 3, of=lead)
    made = await late_endpoint(hub, receiver.url())
    replay = (await asks(hub, made)).json()["id"]
    await hub.tick("deal_replays")
    new = await facts(hub, 1, of=lead)
    async with hub.transaction() as tx:
        await dealing.deal_out(tx)
    assert (await seen(hub, made, replay))["queued"] == 13
    async with replaying(hub):
        await over(hub, replay)
        await settled(hub, "delivered", 34)
    assert [i for i in receiver.ids() if i in [*old, *new]] == [*old, *new]
    assert len(receiver.calls) == 34
    assert (await seen(hub, made, replay))["matched"] == 33


async def test_webhook_replay_repeats_a_delivery_in_progress_in_its_order(
    hub: Harness, receiver: Receiver
) -> None:
    """A failure that is reported late does not move it to the front."""
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


async def test_webhook_replay_of_25000_events_runs_in_portions(
    hub: Harness, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many portions, each a tenth of the usual size. The test runs the steps of the dispatcher
    itself, without HTTP. No event arrives twice, and few deliveries wait at any time."""
    monkeypatch.setattr(replays, "AHEAD", 100)
    monkeypatch.setattr(selection, "LOOKED_THROUGH", 200)
    await filled(hub, 500, 5)
    leads = [row[0] for row in await hub.rows("SELECT DISTINCT subject FROM feed LIMIT 20")]
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
            await dealing.deal_out(tx)
            due = await queue.take(tx, lease, 60, {}, 1000)
        waited = max(waited, (await seen(hub, made, replay))["pending"])
        async with hub.transaction() as tx:
            await queue.record(tx, lease, [ended(one, Outcome.ACCEPTED) for one in due])
        came += [str(one.event_id) for one in due]
    await hub.tick("deal_replays")
    shown = await seen(hub, made, replay)
    assert shown["state"] == "ended"
    assert (shown["matched"], shown["queued"], shown["delivered"]) == (2_501,) * 3
    assert len(came) == len(set(came)) == 2_521
    assert waited <= replays.AHEAD + 5 * len(leads)
    assert in_order(came, await hub.rows("SELECT event_id, subject FROM feed ORDER BY position"))


async def test_webhook_replay_keeps_order_with_new_events_over_http(
    hub: Harness, receiver: Receiver
) -> None:
    """The same over HTTP."""
    await filled(hub, 300, 4)
    leads = [row[0] for row in await hub.rows("SELECT DISTINCT subject FROM feed LIMIT 20")]
    made = await late_endpoint(hub, receiver.url())
    async with replaying(hub):
        replay = (await asks(hub, made)).json()["id"]
        for n, lead in enumerate(leads):
            await receiver.until(40 * n)
            await facts(hub, 1, of=lead)
        await over(hub, replay)
        await settled(hub, "delivered", 1221)
    assert len(receiver.calls) == 1221
    order = await hub.rows("SELECT event_id, subject FROM feed ORDER BY position")
    assert in_order(receiver.ids(), order)


async def test_webhook_replay_is_complete_and_ordered_with_killed_instances(
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
            await receiver.until(len(receiver.calls) + 60)
            processes[n % 2].send_signal(signal.SIGKILL)
            await processes[n % 2].wait()
            processes[n % 2] = await start_sending(hub)
        await over(hub, replay)
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
