"""Instances of the hub killed with -9 while they send, on processes of their own."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from contextlib import suppress

from hook_hub import an_endpoint, facts, settled, start_sending
from hook_receiver import Call, Receiver, accept

from chassis.testing import Harness
from contracts.ids import new_id
from hub.webhooks.dispatcher import PLACES

KILLS = 8
LEADS, EACH = 40, 10


async def test_whoever_is_killed_everything_arrives_in_order(
    hub: Harness, receiver: Receiver
) -> None:
    """Two instances, one of them killed again and again. What comes twice has the same id, and
    nothing of an aggregate comes before what went before it had been accepted once."""
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
            await receiver.until(len(receiver.calls) + 4, within_s=60)
            victim = chance.randrange(2)
            processes[victim].send_signal(signal.SIGKILL)
            await processes[victim].wait()
            processes[victim] = await start_sending(hub)
        await settled(hub, "delivered", LEADS * EACH, within_s=120)
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
