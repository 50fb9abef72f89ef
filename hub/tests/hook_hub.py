"""What tests of webhooks do over and over: make endpoints, send facts, let an instance send."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from hub_builders import a_record

from chassis.metrics import Metrics
from contracts.ids import LeadId, new_id
from contracts.lead import LeadCaptured
from contracts.samples import sample
from hub.webhooks.dispatcher import Dispatcher
from hub.webhooks.queue import Done, Due
from hub.webhooks.retrying import Outcome, State
from hub.webhooks.sending import Result
from testkit.deadline import DEADLINE_S
from testkit.harness import Harness


@asynccontextmanager
async def dispatching(
    hub: Harness, metrics: Metrics | None = None, **settings: float
) -> AsyncIterator[Dispatcher]:
    """One instance that sends, until the end of the block. Without ``metrics`` it counts in those
    of the harness."""
    one = Dispatcher(hub.database, hub.settings, metrics or hub.app.state.metrics, **settings)
    task = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def ended(due: Due, outcome: Outcome) -> Done:
    """What an attempt came to."""
    now = datetime.now(UTC)
    good = outcome is Outcome.ACCEPTED
    return Done(
        due,
        State.DELIVERED if good else State.PENDING,
        None if good else now + timedelta(seconds=5),
        now,
        "http://receiver.example/",
        {},
        "{}",
        Result(outcome, 1),
    )


async def start_sending(hub: Harness) -> asyncio.subprocess.Process:
    """One instance as a process of its own, to be killed."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("sending_process.py")),
        env={
            **os.environ,
            "LTC_DATABASE_URL": hub.settings.database_url.get_secret_value(),
            "LTC_LINK_SECRET": hub.settings.link_secret.get_secret_value(),
            "LTC_EGRESS_NETWORKS": "127.0.0.0/8",
            "LTC_ENVIRONMENT": "test",
        },
        stderr=asyncio.subprocess.DEVNULL,
    )


async def an_endpoint(
    hub: Harness,
    url: str,
    *,
    sub: str = "erp",
    client_roles: tuple[str, ...] = ("subscriber",),
    **form: Any,
) -> dict[str, Any]:
    """An endpoint, as its maker sees it."""
    async with hub.client(*client_roles, sub=sub) as erp:
        answer = await erp.post("/endpoints", json={"url": url, **form})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def facts(hub: Harness, count: int, *, of: UUID | None = None) -> list[str]:
    """So many facts, of as many leads or one after the other of one; their ids."""
    records = [
        a_record(
            sample(LeadCaptured).model_copy(
                update={"lead_id": LeadId(of or new_id()), "number": f"L-{n}"}
            ),
            event_id=new_id(),
            version=n + 1,
        )
        for n in range(count)
    ]
    await hub.receives_raw(*records)
    return [dict(record.headers)["ce_id"].decode() for record in records]  # type: ignore[union-attr]


async def deliveries(hub: Harness, endpoint_id: str, **asked: str) -> list[dict[str, Any]]:
    async with hub.client("subscriber", sub="erp") as erp:
        answer = await erp.get(f"/endpoints/{endpoint_id}/deliveries", params=asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def until(hub: Harness, statement: str, *values: Any) -> list[Any]:
    """Wait until a statement finds rows; these."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            if rows := await hub.rows(statement, *values):
                return rows
            await asyncio.sleep(0.02)


async def settled(hub: Harness, state: str, count: int) -> None:
    """Wait until so many deliveries are in a state."""
    enough = "SELECT 1 FROM delivery WHERE state = $1 HAVING count(*) >= $2"
    await until(hub, enough, state, count)


BLOCKED = "SELECT 1 FROM pg_locks WHERE NOT granted"


async def waits_or_ends(hub: Harness, task: asyncio.Task[Any]) -> None:
    """Return when a task waits for a lock of the database, or has ended."""
    async with asyncio.timeout(DEADLINE_S):
        while not task.done() and not await hub.rows(BLOCKED):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def looked(one: Dispatcher) -> None:
    """Return when an instance has looked at all that is due, in a pass that began later than
    now."""
    async with asyncio.timeout(DEADLINE_S):
        for _ in range(2):  # the pass under way, and the next
            before = one._looked_at
            while one._looked_at == before:
                one._woken.set()  # at rest it looks only when the database has something due
                await asyncio.sleep(0.02)


async def leased(hub: Harness) -> list[Any]:
    """Deliveries that some instance has taken."""
    return await hub.rows("SELECT event_id FROM delivery WHERE lease IS NOT NULL")


async def make_due(hub: Harness) -> None:
    """Let the time of every retry come."""
    await hub.execute("UPDATE delivery SET next_at = now() WHERE state = 'pending'")
