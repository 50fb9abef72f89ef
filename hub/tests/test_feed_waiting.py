"""Waiting at the feed: long polling and server-sent events on real connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest
from hub_builders import a_capture, a_record, number_of
from served import Served, served

from chassis.db import Database
from contracts.deal import DealWon
from contracts.lead import LeadCaptured
from contracts.samples import sample
from hub import stream, wake
from hub.wake import Watch, watch
from testkit.deadline import DEADLINE_S
from testkit.harness import Harness
from testkit.service_instances import eventually


@pytest.fixture
async def hub(hub_svc: Harness) -> AsyncIterator[Served]:
    async with served(hub_svc) as hub:
        yield hub


async def listen(
    client: httpx.AsyncClient,
    count: int,
    *,
    last: str | None = None,
    heard: list[tuple[str, dict[str, Any]]] | None = None,
    **asked: Any,
) -> list[tuple[str, dict[str, Any]]]:
    """So many events of a stream, with the cursor behind each; ``heard`` grows as they come."""
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
    heard = [] if heard is None else heard
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


class Readers:
    """The requests that wait for the feed to go on. Webhooks wait for it too and do not count."""

    def __init__(self) -> None:
        self._now = 0

    def watch(self, database: Database) -> SimpleNamespace:
        return SimpleNamespace(beyond=partial(self._beyond, watch(database)))

    async def _beyond(self, feed: Watch, position: int, within_s: float) -> bool:
        self._now += 1
        try:
            return await feed.beyond(position, within_s)
        finally:
            self._now -= 1

    async def wait(self, count: int = 1) -> None:
        """Return when so many do."""

        async def now() -> int:
            return self._now

        await eventually(now, count)


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> Readers:
    readers = Readers()
    monkeypatch.setattr("hub.readers.watch", readers.watch)
    return readers


async def test_feed_long_poll_returns_events_of_its_instance_at_once(
    hub_svc: Harness, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the bell: no sweep comes before the request ends."""
    monkeypatch.setattr(wake, "SWEEP_S", 3600.0)
    monkeypatch.setattr(wake, "REST_S", 3600.0)
    await hub_svc.receives_raw(a_record(a_capture(6)))
    [(before,)] = await hub_svc.rows("SELECT max(position) FROM feed")

    async def looked() -> int:
        return watch(hub_svc.database)._end

    async with hub_svc.client("subscriber") as erp:
        request = asyncio.create_task(erp.get("/events", params={"after": "latest", "wait": 30}))
        await readers.wait()
        await eventually(looked, before)
        await hub_svc.receives_raw(a_record(a_capture(7)))
        page = (await request).json()
    watch(hub_svc.database).ring()

    assert [number_of(event) for event in page["events"]] == ["L-2026-000007"]


async def test_feed_long_poll_returns_events_of_another_instance(
    hub_svc: Harness, hub: Served, readers: Readers
) -> None:
    """The harness writes through its own database pool, so no wake-up reaches the server."""
    async with hub_svc.client("subscriber") as token, hub.client(token) as erp:
        request = asyncio.create_task(erp.get("/events", params={"after": "latest", "wait": 30}))
        await readers.wait()
        await hub_svc.receives_raw(a_record(a_capture()))
        assert len((await request).json()["events"]) == 1


async def test_feed_long_poll_without_a_match_ends_at_its_timeout(
    hub_svc: Harness, readers: Readers
) -> None:
    async with hub_svc.client("subscriber") as erp:
        await hub_svc.receives_raw(a_record(a_capture()))
        request = asyncio.create_task(erp.get("/events", params={"type": "deal.*", "wait": 0.5}))
        await readers.wait()
        assert (await request).json()["events"] == []


async def test_feed_stream_resumes_at_the_last_event_id(hub_svc: Harness, hub: Served) -> None:
    await hub_svc.receives_raw(*(a_record(a_capture(n)) for n in range(4)))
    async with hub_svc.client("subscriber") as token, hub.client(token) as erp:
        first = await listen(erp, 2)
        heard: list[tuple[str, dict[str, Any]]] = []
        more = asyncio.create_task(listen(erp, 3, last=first[-1][0], heard=heard, after="latest"))
        await count(heard, 2)
        await hub_svc.receives_raw(a_record(a_capture(4)))
        rest = await more
    assert [number_of(event) for _, event in [*first, *rest]] == [
        f"L-2026-{n:06d}" for n in range(5)
    ]


async def count(heard: list[Any], wanted: int) -> None:
    """Return when so many events have been heard."""

    async def found() -> int:
        return len(heard)

    await eventually(found, wanted)


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


async def test_feed_stream_follows_a_revoked_grant(
    hub_svc: Harness, hub: Served, readers: Readers
) -> None:
    """What was said of leads before it comes, and after it only what was said of deals."""
    await hub_svc.execute("INSERT INTO subscriber VALUES ('u-1', false, '{lead}', now())")
    heard: list[tuple[str, dict[str, Any]]] = []
    async with hub_svc.client("subscriber") as token, hub.client(token) as erp:
        hearing = asyncio.create_task(listen(erp, 2, heard=heard, after="latest"))
        await readers.wait()
        await hub_svc.receives_raw(a_record(a_capture(1)))
        await count(heard, 1)
        await readers.wait()
        await hub_svc.execute("UPDATE subscriber SET stages = '{deal}'")
        await hub_svc.receives_raw(a_record(a_capture(2)))
        await hub_svc.receives_raw(a_record(sample(DealWon)))
        await hearing
    assert [event["type"] for _, event in heard] == [LeadCaptured.name, DealWon.name]


async def test_feed_stream_with_an_expired_cursor_is_answered_410(
    hub_svc: Harness, hub: Served
) -> None:
    headers = {"Accept": "text/event-stream", "Last-Event-ID": "MS45OTk5OTk5OTkuMTc2NDI1OTIwMA"}
    async with hub_svc.client("subscriber") as token, hub.client(token) as erp:
        answer = await erp.get("/events", headers=headers)
    assert answer.status_code == 410


async def test_feed_streams_end_when_the_server_stops(
    hub_svc: Harness, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 3600.0)
    async with (
        served(hub_svc) as hub,
        hub_svc.client("subscriber") as token,
        hub.client(token) as erp,
    ):
        hearing = asyncio.create_task(listen(erp, 1, after="latest"))
        polling = asyncio.create_task(erp.get("/events", params={"after": "latest", "wait": 30}))
        await readers.wait(2)
        hub.server.should_exit = True
        async with asyncio.timeout(DEADLINE_S):  # a listener would wait for an hour
            await hub.running
        assert await hearing == []
        assert (await polling).json()["events"] == []
