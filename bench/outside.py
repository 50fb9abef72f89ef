"""How soon and how fast outsiders hear: a webhook, a stream of server-sent events, the feed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import uvicorn

from bench.figures import percentiles
from bench.platform import Platform
from local_infra.ports import free_port

HEARD_WITHIN_S = 120.0
DEALS = "deal.*"


@dataclass
class Arrivals:
    """When each event was received, and when it had been said, by its id."""

    late_ms: dict[str, float] = field(default_factory=dict)
    first_at: float = 0.0
    last_at: float = 0.0

    def note(self, event: dict[str, Any]) -> None:
        now = datetime.now(UTC)
        said = datetime.fromisoformat(event["time"])
        self.late_ms.setdefault(event["id"], (now - said).total_seconds() * 1000)
        self.last_at = time.perf_counter()
        self.first_at = self.first_at or self.last_at

    async def reach(self, count: int) -> None:
        """Wait until so many were received."""
        until = time.monotonic() + HEARD_WITHIN_S
        while len(self.late_ms) < count:
            if time.monotonic() > until:
                raise TimeoutError(f"{len(self.late_ms)} of {count} were received")
            await asyncio.sleep(0.05)


async def heard_outside(platform: Platform, journeys: int, bulk: int) -> dict[str, float]:
    """At 10 journeys/s: from a deal's fact's transaction to its receipt. In bulk: how many facts of
    all kinds a second, by webhook to one endpoint and read from the feed."""
    figures: dict[str, float] = {}
    async with httpx.AsyncClient(
        base_url=platform.settings.url("hub"), headers=platform.headers, timeout=60
    ) as hub:
        async with webhook(hub, DEALS) as hooked, streamed(hub, DEALS) as seen:
            before = await facts(hub, DEALS)
            await platform.latency(journeys, per_s=10)
            said = await facts(hub, DEALS) - before
            for name, heard in (("webhook", hooked), ("sse", seen)):
                await heard.reach(said)
                late = percentiles(list(heard.late_ms.values()))
                figures[f"fact_to_{name}_p50_ms"], figures[f"fact_to_{name}_p99_ms"] = late
        async with webhook(hub) as hooked:
            before = await facts(hub)
            await platform.saturate(bulk, bulk=True)
            await hooked.reach(await facts(hub) - before)
            took = hooked.last_at - hooked.first_at
            figures["webhook_deliveries_per_s"] = len(hooked.late_ms) / took
        began = time.perf_counter()
        figures["feed_rows_per_s"] = await facts(hub) / (time.perf_counter() - began)
    return figures


async def facts(hub: httpx.AsyncClient, *types: str) -> int:
    """How many there are in the feed, read from its beginning."""
    count, after = 0, None
    while True:
        asked: dict[str, Any] = {"limit": 200, "type": types}
        if after:
            asked["after"] = after
        page = (await hub.get("/events", params=asked)).raise_for_status().json()
        count, after = count + len(page["events"]), page["next"]
        if not page["more"]:
            return count


@asynccontextmanager
async def webhook(hub: httpx.AsyncClient, *types: str) -> AsyncIterator[Arrivals]:
    """An endpoint for facts of these types or all, in order; its receiver accepts at once."""
    heard = Arrivals()

    async def receive(scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        heard.note(json.loads(body))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    port = free_port()
    config = uvicorn.Config(receive, port=port, lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    wanted = {"url": f"http://127.0.0.1:{port}/", "filter": {"types": types}}
    made = await hub.post("/endpoints", json=wanted)
    made.raise_for_status()
    try:
        yield heard
    finally:
        await hub.delete(f"/endpoints/{made.json()['id']}")
        server.should_exit = True
        await serving


@asynccontextmanager
async def streamed(hub: httpx.AsyncClient, *types: str) -> AsyncIterator[Arrivals]:
    """A listener to facts of these types that come from now on."""
    heard, listening = Arrivals(), asyncio.Event()

    async def listen() -> None:
        wanted = {"after": "latest", "type": types}
        accepted = {"Accept": "text/event-stream"}
        async with hub.stream("GET", "/events", params=wanted, headers=accepted) as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                listening.set()
                if line.startswith("data: "):
                    heard.note(json.loads(line[6:]))

    task = asyncio.create_task(listen())
    await asyncio.wait_for(listening.wait(), 10)
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
