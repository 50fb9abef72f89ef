"""What tests of replays do over and over: ask for one, let it be dealt out, see what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from hook_hub import an_endpoint, dispatching, facts, until

from chassis.timers import run_timer
from hub.main import service
from hub.webhooks import dealing
from testkit.harness import Harness

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


async def over(hub: Harness, replay: str) -> None:
    enough = "SELECT 1 FROM replay WHERE id = $1 AND state = 'ended'"
    await until(hub, enough, UUID(replay))


async def late_endpoint(hub: Harness, url: str, **form: Any) -> dict[str, Any]:
    """An endpoint made after all that there is: it gets that by a replay alone."""
    async with hub.transaction() as tx:
        while (await dealing.deal_out(tx)).facts:
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


def in_order(came: list[str], feed: list[Any]) -> bool:
    """Whether of each aggregate everything came in the feed's order."""
    place = {event_id: n for n, event_id in enumerate(dict.fromkeys(came))}
    last: dict[UUID, int] = {}
    for event_id, subject in feed:
        if place[str(event_id)] < last.get(subject, -1):
            return False
        last[subject] = place[str(event_id)]
    return True
