"""An act on many keys outlives the process that carries it out: nothing is acted on twice, nothing
is forgotten, and the audit has a line for each key."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from test_ops_failures import a_quote_sent

from chassis.testing import Harness, as_record
from contracts.ids import DealId, new_id

PROGRAM = Path(__file__).with_name("acting_process.py")
KEYS, PER_SECOND = 400, 160
DEATHS_S = (0.0, 0.15, 0.3, 0.45)
"""So long after it has begun a portion a process is killed."""
UNLOCKED = "SELECT 1 FROM bulk_run WHERE id = $1 FOR UPDATE SKIP LOCKED"
BY_KEY = "SELECT object_id, count(*) FROM audit WHERE action = $1 GROUP BY 1"


async def begin(under_test: Harness) -> asyncio.subprocess.Process:
    settings = under_test.settings
    environment = os.environ | {"LTC_DATABASE_URL": settings.database_url.get_secret_value()}
    return await asyncio.create_subprocess_exec(sys.executable, PROGRAM, env=environment)


async def until(look: Callable[[], Awaitable[Any]], *, within_s: float = 60.0) -> Any:
    deadline = time.monotonic() + within_s
    while not (found := await look()):
        assert time.monotonic() < deadline, look
        await asyncio.sleep(0.002)
    return found


@pytest.mark.parametrize("action", ["retry", "skip"])
async def test_a_process_dies_in_the_middle_of_a_portion_and_another_goes_on(
    deal_svc: Harness, action: str
) -> None:
    facts = [a_quote_sent(n, DealId(new_id())) for n in range(KEYS)]
    await deal_svc.receives_raw(*(as_record(fact) for fact in facts))
    async with deal_svc.client("ops") as ops:
        [group] = (await ops.get("/ops/failures")).json()
        body = {"reason": "known", "per_second": PER_SECOND}
        started = await ops.post(f"/ops/failures/{group['fingerprint']}/{action}", json=body)
        run = started.json()["id"]

        async def at_work() -> bool:
            return not await deal_svc.rows(UNLOCKED, run)

        async def shown() -> dict[str, Any]:
            answer: dict[str, Any] = (await ops.get(f"/ops/bulk/{run}")).json()
            return answer

        async def done() -> bool:
            return bool((await shown())["status"] == "done")

        seen = []
        for moment in DEATHS_S:
            acting = await begin(deal_svc)
            await until(at_work)
            await asyncio.sleep(moment)
            acting.kill()
            await acting.wait()
            seen.append((await shown())["left"])
        acting = await begin(deal_svc)
        try:
            await until(done)
        finally:
            acting.kill()
            await acting.wait()
        end = await shown()
        counted = await deal_svc.rows(BY_KEY, action)

    assert min(seen) > 0, "it was killed in the middle, not after the end"
    assert (end["acted"], end["moved_on"], end["left"]) == (KEYS, 0, 0)
    assert {row[1] for row in counted} == {1}
    assert {row[0] for row in counted} == {str(fact.quote_id) for fact in facts}
    [(waiting,)] = await deal_svc.rows("SELECT count(*) FROM parked_key WHERE attempts = 0")
    [(given_up,)] = await deal_svc.rows("SELECT count(*) FROM parked_message WHERE state='skipped'")
    assert (waiting, given_up) == ((KEYS, 0) if action == "retry" else (0, KEYS))
