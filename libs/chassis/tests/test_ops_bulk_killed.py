"""Bulk runs and kill -9: another process continues, and each key is acted on once with one audit
record."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from test_ops_bulk import a_label

from testkit.harness import Harness, as_record

PROGRAM = Path(__file__).with_name("bulk_run_process.py")
KEYS, PER_SECOND = 400, 160
DEATHS_S = (0.0, 0.15, 0.3, 0.45)
"""Seconds between the beginning of a portion and the kill."""
UNLOCKED = "SELECT 1 FROM bulk_run WHERE id = $1 FOR UPDATE SKIP LOCKED"
BY_KEY = "SELECT object_id, count(*) FROM audit WHERE action = $1 GROUP BY 1"


async def begin(under_test: Harness) -> asyncio.subprocess.Process:
    settings = under_test.settings
    environment = os.environ | {"LTC_DATABASE_URL": settings.database_url.get_secret_value()}
    return await asyncio.create_subprocess_exec(sys.executable, PROGRAM, env=environment)


async def until(look: Callable[[], Awaitable[Any]], acting: asyncio.subprocess.Process) -> Any:
    """Wait as long as the process lives."""
    while not (found := await look()):
        assert acting.returncode is None, f"the process ended with {acting.returncode}"
        await asyncio.sleep(0.002)
    return found


@pytest.mark.parametrize("action", ["retry", "skip"])
async def test_ops_bulk_run_survives_processes_killed_during_a_portion(
    box_svc: Harness, action: str
) -> None:
    facts = [a_label(n) for n in range(KEYS)]
    await box_svc.receives_raw(*(as_record(fact) for fact in facts))
    async with box_svc.client("ops") as ops:
        [group] = (await ops.get("/ops/failures")).json()
        body = {"reason": "known", "per_second": PER_SECOND}
        started = await ops.post(f"/ops/failures/{group['fingerprint']}/{action}", json=body)
        run = started.json()["id"]
        if action == "skip":
            async with box_svc.client("ops", sub="u-2") as second:
                await second.post(f"/ops/bulk/{run}/approve", json={"reason": "agreed"})

        async def at_work() -> bool:
            return not await box_svc.rows(UNLOCKED, run)

        async def shown() -> dict[str, Any]:
            answer: dict[str, Any] = (await ops.get(f"/ops/bulk/{run}")).json()
            return answer

        async def done() -> bool:
            return bool((await shown())["status"] == "done")

        seen = []
        for moment in DEATHS_S:
            acting = await begin(box_svc)
            try:
                await until(at_work, acting)
                await asyncio.sleep(moment)
            finally:
                acting.kill()
                await acting.wait()
            seen.append((await shown())["left"])
        acting = await begin(box_svc)
        try:
            await until(done, acting)
        finally:
            acting.kill()
            await acting.wait()
        end = await shown()
        counted = await box_svc.rows(BY_KEY, action)

    assert min(seen) > 0, "every kill came before the end of the run"
    assert (end["acted"], end["moved_on"], end["left"]) == (KEYS, 0, 0)
    assert {row[1] for row in counted} == {1}
    assert {row[0] for row in counted} == {str(fact.label_id) for fact in facts}
    [(waiting,)] = await box_svc.rows("SELECT count(*) FROM parked_key WHERE attempts = 0")
    [(skipped,)] = await box_svc.rows("SELECT count(*) FROM parked_message WHERE state='skipped'")
    assert (waiting, skipped) == ((KEYS, 0) if action == "retry" else (0, KEYS))
