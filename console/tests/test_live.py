"""The live stream that tells pages what changed, over real HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest

from console.live import Live
from contracts.lead import LeadCaptured
from contracts.samples import sample
from testkit.harness import JOURNEY, Harness, as_record, over_http

STREAM = {"Accept": "text/event-stream"}


@pytest.fixture(autouse=True)
def nobody_listened_before(console_svc: Harness) -> None:
    console_svc.app.state.live = Live(console_svc.database)


@asynccontextmanager
async def listening(
    under_test: Harness, *roles: str, headers: dict[str, str] | None = None
) -> AsyncIterator[AsyncIterator[str]]:
    """Somebody who has the stream open; its lines."""
    async with (
        over_http(under_test.app) as url,
        under_test.client(*roles) as like,
        httpx.AsyncClient(base_url=url, headers=like.headers, timeout=20) as client,
        client.stream("GET", "/live", headers={**STREAM, **(headers or {})}) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        assert await anext(lines) == "retry: 1000"
        yield lines


async def a_minute_ago(under_test: Harness) -> None:
    """So long has all been there that has come in until now."""
    await under_test.execute("UPDATE journey_event SET seen_at = seen_at - interval '1 minute'")


async def changed(lines: AsyncIterator[str]) -> dict[str, Any]:
    """The next event."""
    async with asyncio.timeout(5):
        async for line in lines:
            if line.startswith("data: "):
                told: dict[str, Any] = json.loads(line.removeprefix("data: "))
                return told
    raise AssertionError("the stream ended")


async def test_live_stream_sends_new_events_once_and_no_old_ones(
    console_svc: Harness,
) -> None:
    captured = sample(LeadCaptured)
    await console_svc.receives(captured)
    await a_minute_ago(console_svc)
    async with listening(console_svc, "ops") as lines:
        other = uuid4()
        await console_svc.receives(captured, journey_id=other)
        first = await changed(lines)
        await console_svc.receives(captured, captured, journey_id=JOURNEY)
        second = await changed(lines)

    assert first == {"journeys": [str(other)], "more": False, "facts": 1}
    assert second == {"journeys": [str(JOURNEY)], "more": False, "facts": 2}


async def test_live_stream_starts_with_the_last_seconds(console_svc: Harness) -> None:
    """A page requests its content before it opens the stream."""
    captured = sample(LeadCaptured)
    await console_svc.receives(captured)
    async with listening(console_svc, "ops") as lines:
        first = await changed(lines)
        async with listening(console_svc, "ops") as others:
            second = await changed(others)

    assert first == second == {"journeys": [str(JOURNEY)], "more": False, "facts": 1}


async def test_live_stream_sends_many_changes_as_one_message_a_second_with_fifty_ids(
    console_svc: Harness,
) -> None:
    captured = sample(LeadCaptured)
    async with listening(console_svc, "ops") as lines:
        records = [as_record(captured, journey_id=uuid4()) for _ in range(120)]
        await asyncio.sleep(0.3)  # its first look found nothing
        await console_svc.receives_raw(*records)
        loop = asyncio.get_running_loop()
        first, at = await changed(lines), loop.time()
        await console_svc.receives(captured, journey_id=uuid4())
        await changed(lines)
        apart = loop.time() - at

    assert (len(first["journeys"]), first["more"], first["facts"]) == (50, True, 120)
    assert apart > 0.7


async def test_live_stream_sends_heartbeats_and_ends(
    console_svc: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.live.EVERY_S", 0.05)
    monkeypatch.setattr("console.live.HEARTBEAT_S", 0.2)
    monkeypatch.setattr("console.live.STREAM_S", 1.5)
    async with listening(console_svc, "ops") as lines, asyncio.timeout(5):
        heard = [line async for line in lines if line]

    assert 3 <= heard.count(": still here") <= 7


async def test_live_stream_queries_nothing_without_listeners(
    console_svc: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, looked = 0, asyncio.Event()
    from console import live

    ask = live.bulk.ask

    async def count(*asked: Any) -> Any:
        nonlocal looks
        looks += asked[0] is console_svc.database.engine  # others may live in this process
        if looks > 3:
            looked.set()
        return await ask(*asked)

    monkeypatch.setattr(live.bulk, "ask", count)
    monkeypatch.setattr(live, "EVERY_S", 0.05)
    async with listening(console_svc, "ops"), asyncio.timeout(5):
        await looked.wait()
    await asyncio.sleep(0.3)
    at_rest = looks
    await asyncio.sleep(0.3)

    assert looks == at_rest


async def test_live_stream_is_for_employees_only(console_svc: Harness) -> None:
    async with console_svc.client("ops") as ops, console_svc.client("subscriber") as outside:
        as_json = await ops.get("/live")
        refused = await outside.get("/live", headers=STREAM)

    assert as_json.status_code == 406
    assert refused.status_code == 403
