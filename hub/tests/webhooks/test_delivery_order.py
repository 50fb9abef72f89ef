"""The webhook delivery queue under concurrent changes."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from hook_hub import an_endpoint, ended, facts, waits_or_ends

from contracts.ids import new_id
from hub.webhooks import dealing, queue
from hub.webhooks.retrying import Outcome
from testkit.harness import Harness
from testkit.webhook_receiver import Receiver


async def test_webhook_queue_advances_to_an_event_added_during_the_previous_one(
    hub: Harness, receiver: Receiver
) -> None:
    """The previous delivery ends while the next one is added. Without a lock between the two, the
    next one would never be sent."""
    lead, lease = new_id(), uuid4()
    await an_endpoint(hub, receiver.url())
    await facts(hub, 1, of=lead)
    async with hub.transaction() as tx:
        await dealing.deal_out(tx)
    async with hub.transaction() as tx:
        [first] = await queue.take(tx, lease, 60, {}, 4)
    await facts(hub, 1, of=lead)

    async def record() -> None:
        async with hub.transaction() as tx:
            await queue.record(tx, lease, [ended(first, Outcome.ACCEPTED)])

    async with hub.transaction() as tx:
        await dealing.deal_out(tx)
        recording = asyncio.create_task(record())
        await waits_or_ends(hub, recording)
    await recording
    async with hub.transaction() as tx:
        assert len(await queue.take(tx, lease, 60, {}, 4)) == 1


async def test_webhook_queue_ignores_results_after_the_lease_expired(
    hub: Harness, receiver: Receiver
) -> None:
    slow, quick = uuid4(), uuid4()
    await an_endpoint(hub, receiver.url())
    await facts(hub, 1)
    async with hub.transaction() as tx:
        await dealing.deal_out(tx)
        [due] = await queue.take(tx, slow, -1, {}, 4)
    async with hub.transaction() as tx:
        [again] = await queue.take(tx, quick, 60, {}, 4)
        await queue.record(tx, quick, [ended(again, Outcome.ACCEPTED)])
    async with hub.transaction() as tx:
        await queue.record(tx, slow, [ended(due, Outcome.TIMEOUT)])
    [(state, attempts)] = await hub.rows("SELECT state, attempts FROM delivery")
    assert (state, attempts) == ("delivered", 1)
    assert len(await hub.rows("SELECT 1 FROM attempt")) == 2  # the log has both


async def test_webhook_fan_out_runs_in_one_instance_at_a_time(
    hub: Harness, receiver: Receiver
) -> None:
    await an_endpoint(hub, receiver.url())
    await facts(hub, 3)
    async with hub.transaction() as other:
        async with hub.transaction() as one:
            dealt = await dealing.deal_out(one)
            waiting = asyncio.create_task(dealing.deal_out(other))
            await waits_or_ends(hub, waiting)
            assert not waiting.done()
        assert (dealt.facts, dealt.deliveries) == (3, 3)
        assert await waiting == dealing.Dealt(dealt.position)
    assert len(await hub.rows("SELECT 1 FROM delivery")) == 3


async def test_webhook_queue_counts_deliveries_in_progress_against_the_limit(
    hub: Harness, receiver: Receiver
) -> None:
    made = await an_endpoint(hub, receiver.url())
    await facts(hub, 6)
    async with hub.transaction() as tx:
        await dealing.deal_out(tx)
        [endpoint_id] = {d.endpoint_id for d in await queue.take(tx, uuid4(), 60, {}, 3)}
        assert str(endpoint_id) == made["id"]
        assert await queue.take(tx, uuid4(), 60, {endpoint_id: 3}, 3) == []
        assert len(await queue.take(tx, uuid4(), 60, {endpoint_id: 1}, 3)) == 2


async def test_webhook_queue_limits_attempts_to_a_failing_endpoint(
    hub: Harness, receiver: Receiver
) -> None:
    await an_endpoint(hub, receiver.url())
    await facts(hub, 6)
    await hub.execute("UPDATE endpoint SET failing_since = now()")
    async with hub.transaction() as tx:
        await dealing.deal_out(tx)
        assert len(await queue.take(tx, uuid4(), 60, {}, 16)) == queue.WHILE_FAILING


async def test_webhook_queue_locks_in_one_order_and_never_deadlocks(
    hub: Harness, receiver: Receiver
) -> None:
    """Results of attempts are stored while the endpoint is enabled: one transaction waits for the
    other, without a deadlock."""
    made = await an_endpoint(hub, receiver.url())
    await facts(hub, 1)
    lease = uuid4()
    async with hub.transaction() as tx:
        await dealing.deal_out(tx)
    async with hub.transaction() as tx:
        [due] = await queue.take(tx, lease, 60, {}, 4)
    async with hub.client("subscriber", sub="erp") as erp:
        async with hub.transaction() as tx:
            await dealing.deal_out(tx)  # as each pass of who sends begins
            enabling = asyncio.create_task(erp.post(f"/endpoints/{made['id']}/enable"))
            await waits_or_ends(hub, enabling)
            await queue.record(tx, lease, [ended(due, Outcome.REJECTED)])
        answer = await enabling
    assert answer.status_code == 200, answer.text
