"""Processes of the hub that are killed with -9 while they send webhooks."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from contextlib import suppress

import asyncpg
from hook_hub import an_endpoint, dispatching, facts, settled, start_sending

from contracts.ids import new_id
from hub.webhooks.dispatcher import PLACES
from testkit.harness import Harness
from testkit.servers import postgres_admin_dsn
from testkit.webhook_receiver import Call, Receiver, accept

KILLS = 8
LEADS, EACH = 40, 10


async def test_webhook_deliveries_arrive_in_order_with_killed_instances(
    hub: Harness, receiver: Receiver
) -> None:
    """Two instances, one of them killed repeatedly. A repeated delivery has the same id, and no
    event arrives before its predecessor of the aggregate was accepted once."""
    chance = random.Random(7)

    async def take_a_moment(call: Call, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        await accept(call, writer)

    receiver.behave = take_a_moment
    await an_endpoint(hub, receiver.url())
    processes = [await start_sending(hub), await start_sending(hub)]
    try:
        sent = [await facts(hub, EACH, of=new_id()) for _ in range(LEADS)]
        for _ in range(KILLS):
            await receiver.until(len(receiver.calls) + 4)
            victim = chance.randrange(2)
            processes[victim].send_signal(signal.SIGKILL)
            await processes[victim].wait()
            processes[victim] = await start_sending(hub)
        await settled(hub, "delivered", LEADS * EACH)
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    arrived = receiver.ids()
    assert set(arrived) == {event_id for ids in sent for event_id in ids}
    for ids in sent:
        firsts = list(dict.fromkeys(i for i in arrived if i in ids))
        assert firsts == ids
    twice = sum(count - 1 for count in Counter(arrived).values())
    assert twice <= KILLS * 2 * PLACES  # what a killed one was at, and what it had not recorded


TAKEN_BACK = """
WITH gone AS (DELETE FROM delivery RETURNING 1)
UPDATE fan_out SET position = (SELECT from_position FROM endpoint), at = at - interval '1 hour'
"""
HANG_UP = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"


async def test_webhook_fan_out_is_repeated_after_a_database_crash(
    hub: Harness, receiver: Receiver
) -> None:
    """Fan-out commits asynchronously. No new event arrives that would wake an instance."""
    await an_endpoint(hub, receiver.url())
    [[name]] = await hub.rows("SELECT current_database()")
    server = await asyncpg.connect(postgres_admin_dsn())
    try:
        async with dispatching(hub) as one:
            [event_id] = await facts(hub, 1)
            await settled(hub, "delivered", 1)
            await hub.execute(TAKEN_BACK)
            await server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            await server.execute(HANG_UP, name)
            while one._dealt.is_set():  # noqa: ASYNC110 - until it has met with the absence
                await asyncio.sleep(0.02)
            await server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            await receiver.until(2)
    finally:
        await server.close()

    assert receiver.ids() == [event_id, event_id]
