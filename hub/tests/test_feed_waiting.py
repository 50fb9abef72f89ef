"""Waiting at the feed: long polling and server-sent events on real connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest
from hub_builders import a_capture, a_record, number_of
from served import Served, served

from hub import stream, wake
from testkit.harness import Harness

ENOUGH_S = 5.0


@pytest.fixture
async def hub(hub_svc: Harness) -> AsyncIterator[Served]:
    async with served(hub_svc) as hub:
        yield hub


async def listen(
    client: httpx.AsyncClient, count: int, *, last: str | None = None, **asked: Any
) -> list[tuple[str, dict[str, Any]]]:
    """So many events of a stream, with the cursor behind each."""
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
    heard: list[tuple[str, dict[str, Any]]] = []
    cursor = ""
    async with client.stream("GET", "/events", headers=headers, params=asked) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line.startswith("id: "):
                cursor = line[4:]
            elif line.startswith("data: "):
                heard.append((cursor, orjson.loads(line[6:])))
            if len(heard) == count:
                break
    return heard


async def test_feed_long_poll_returns_events_of_its_instance_at_once(
    hub_svc: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wake, "SWEEP_S", 5.0)
    async with hub_svc.client("subscriber") as erp:
        waiting = asyncio.create_task(erp.get("/events", params={"after": "latest", "wait": 20}))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        came = time.monotonic()
        await hub_svc.receives_raw(a_record(a_capture(7)))
        page = (await waiting).json()
        took = time.monotonic() - came

    assert [number_of(event) for event in page["events"]] == ["L-2026-000007"]
    assert took < 3, "rung for, not found by the sweep"


async def test_feed_long_poll_returns_events_of_another_instance(
    hub_svc: Harness, hub: Served
) -> None:
    """The harness writes through its own database pool, so no wake-up reaches the server."""
    async with hub_svc.client("subscriber") as token, hub.client(token) as erp:
        waiting = asyncio.create_task(erp.get("/events", params={"after": "latest", "wait": 20}))
        await asyncio.sleep(0.3)
        came = time.monotonic()
        await hub_svc.receives_raw(a_record(a_capture()))
        assert len((await waiting).json()["events"]) == 1
    assert time.monotonic() - came < 5


async def test_feed_long_poll_without_a_match_ends_at_its_timeout(hub_svc: Harness) -> None:
    async with hub_svc.client("subscriber") as erp:
        began = time.monotonic()
        await hub_svc.receives_raw(a_record(a_capture()))
        answer = await erp.get("/events", params={"type": "deal.*", "wait": 0.4})
    assert answer.json()["events"] == []
    assert 0.4 <= time.monotonic() - began < 2


async def test_feed_stream_resumes_at_the_last_event_id(hub_svc: Harness, hub: Served) -> None:
    await hub_svc.receives_raw(*(a_record(a_capture(n)) for n in range(4)))
    async with hub_svc.client("subscriber") as token, hub.client(token) as erp:
        first = await listen(erp, 2)
        more = asyncio.create_task(listen(erp, 3, last=first[-1][0], after="latest"))
        await asyncio.sleep(0.2)
        await hub_svc.receives_raw(a_record(a_capture(4)))
        rest = await asyncio.wait_for(more, ENOUGH_S)
    assert [number_of(event) for _, event in [*first, *rest]] == [
        f"L-2026-{n:06d}" for n in range(5)
    ]


async def test_feed_stream_sends_heartbeats_with_its_position(
    hub_svc: Harness, hub: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.2)
    await hub_svc.receives_raw(a_record(a_capture()))
    lines: list[str] = []
    async with hub_svc.client("subscriber") as token, hub.client(token) as erp:
        latest = (await erp.get("/events", params={"after": "latest"})).json()["next"]
        headers = {"Accept": "text/event-stream"}
        async with erp.stream(
            "GET", "/events", headers=headers, params={"type": "deal.*"}
        ) as answer:
            async for line in answer.aiter_lines():
                lines.append(line)
                if lines.count(": still here") == 2:
                    break
    assert f"id: {latest}" in lines


async def test_feed_stream_follows_a_revoked_grant(hub_svc: Harness, hub: Served) -> None:
    await hub_svc.execute("INSERT INTO subscriber VALUES ('u-1', false, '{lead}', now())")
    async with hub_svc.client("subscriber") as token, hub.client(token) as erp:
        hearing = asyncio.create_task(listen(erp, 2, after="latest"))
        await asyncio.sleep(0.2)
        await hub_svc.receives_raw(a_record(a_capture()))
        await asyncio.sleep(0.3)
        await hub_svc.execute("UPDATE subscriber SET stages = '{deal}'")
        await asyncio.sleep(0.2)
        await hub_svc.receives_raw(a_record(a_capture()))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(hearing, 1)


async def test_feed_stream_with_an_expired_cursor_is_answered_410(
    hub_svc: Harness, hub: Served
) -> None:
    headers = {"Accept": "text/event-stream", "Last-Event-ID": "MS45OTk5OTk5OTkuMTc2NDI1OTIwMA"}
    async with hub_svc.client("subscriber") as token, hub.client(token) as erp:
        answer = await erp.get("/events", headers=headers)
    assert answer.status_code == 410


async def test_feed_streams_end_when_the_server_stops(hub_svc: Harness) -> None:
    async with (
        served(hub_svc) as hub,
        hub_svc.client("subscriber") as token,
        hub.client(token) as erp,
    ):
        hearing = asyncio.create_task(listen(erp, 1, after="latest"))
        polling = asyncio.create_task(erp.get("/events", params={"after": "latest", "wait": 30}))
        await asyncio.sleep(0.3)
        began = time.monotonic()
        hub.server.should_exit = True
        await hub.running
        took = time.monotonic() - began
        assert await asyncio.wait_for(hearing, 1) == []
        assert (await polling).json()["events"] == []
    assert took < 4
