"""What is pending, when several change it at once."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from hook_hub import an_endpoint, ended, facts, until
from hook_receiver import Receiver

from chassis.testing import Harness
from contracts.ids import new_id
from hub.webhooks import dealing, queue
from hub.webhooks.retrying import Outcome


async def test_the_next_gets_its_turn_though_it_was_dealt_out_meanwhile(
    hub: Harness, receiver: Receiver
) -> None:
    """Its predecessor ends while it is being added: one waits for the other, or nobody would ever
    send it."""
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
        await asyncio.sleep(0.3)
    await recording
    async with hub.transaction() as tx:
        assert len(await queue.take(tx, lease, 60, {}, 4)) == 1


async def test_whose_lease_ran_out_has_nothing_more_to_say(
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


async def test_only_one_deals_out_at_a_time(hub: Harness, receiver: Receiver) -> None:
    await an_endpoint(hub, receiver.url())
    await facts(hub, 3)
    async with hub.transaction() as other:
        async with hub.transaction() as one:
            dealt = await dealing.deal_out(one)
            waiting = asyncio.create_task(dealing.deal_out(other))
            await asyncio.sleep(0.3)
            assert not waiting.done()
        assert (dealt.facts, dealt.deliveries) == (3, 3)
        assert await waiting == dealing.Dealt(dealt.position)
    assert len(await hub.rows("SELECT 1 FROM delivery")) == 3


async def test_what_is_busy_takes_places(hub: Harness, receiver: Receiver) -> None:
    made = await an_endpoint(hub, receiver.url())
    await facts(hub, 6)
    async with hub.transaction() as tx:
        await dealing.deal_out(tx)
        [endpoint_id] = {d.endpoint_id for d in await queue.take(tx, uuid4(), 60, {}, 3)}
        assert str(endpoint_id) == made["id"]
        assert await queue.take(tx, uuid4(), 60, {endpoint_id: 3}, 3) == []
        assert len(await queue.take(tx, uuid4(), 60, {endpoint_id: 1}, 3)) == 2


async def test_who_accepts_nothing_is_asked_by_few(hub: Harness, receiver: Receiver) -> None:
    await an_endpoint(hub, receiver.url())
    await facts(hub, 6)
    await hub.execute("UPDATE endpoint SET failing_since = now()")
    async with hub.transaction() as tx:
        await dealing.deal_out(tx)
        assert len(await queue.take(tx, uuid4(), 60, {}, 16)) == queue.WHILE_FAILING


async def test_who_sends_and_who_switches_on_wait_in_the_same_order(
    hub: Harness, receiver: Receiver
) -> None:
    """What attempts came to is being kept while an endpoint is switched on: one waits for the
    other, and neither is refused because each waited for what the other held."""
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
            await until(hub, "SELECT 1 FROM pg_locks WHERE NOT granted")
            await queue.record(tx, lease, [ended(due, Outcome.REJECTED)])
        answer = await enabling
    assert answer.status_code == 200, answer.text
