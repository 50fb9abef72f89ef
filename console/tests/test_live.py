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

from console import live
from console.live import Live
from contracts.deal import DealOpened
from contracts.lead import LeadCaptured
from contracts.parties import Owner
from contracts.samples import sample
from testkit.deadline import DEADLINE_S
from testkit.harness import JOURNEY, Harness, as_record, over_http
from testkit.service_instances import eventually

STREAM = {"Accept": "text/event-stream"}


@pytest.fixture(autouse=True)
def nobody_listened_before(console_svc: Harness) -> None:
    console_svc.app.state.live = Live(console_svc.database)


@asynccontextmanager
async def listening(
    under_test: Harness, *roles: str, sub: str = "u-1", headers: dict[str, str] | None = None
) -> AsyncIterator[AsyncIterator[str]]:
    """Somebody who has the stream open; its lines."""
    async with (
        over_http(under_test.app) as url,
        under_test.client(*roles, sub=sub) as like,
        httpx.AsyncClient(base_url=url, headers=like.headers, timeout=DEADLINE_S) as client,
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
    async with asyncio.timeout(DEADLINE_S):
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


class Looks:
    """The looks of one console at what has come in, each of which waits until it is let go on."""

    def __init__(self, under_test: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
        self.allowed = asyncio.Semaphore(0)
        self.over = 0
        ask = live.bulk.ask

        async def held(*asked: Any) -> Any:
            if asked[0] is not under_test.database.engine:  # others may live in this process
                return await ask(*asked)
            await self.allowed.acquire()
            found = await ask(*asked)
            self.over += 1
            return found

        monkeypatch.setattr(live.bulk, "ask", held)

    async def one(self) -> None:
        """Let one look happen."""
        before = self.over

        async def over() -> int:
            return self.over - before

        self.allowed.release()
        await eventually(over, 1)


async def test_live_stream_sends_many_changes_as_one_message_a_look_with_fifty_ids(
    console_svc: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    captured = sample(LeadCaptured)
    looks = Looks(console_svc, monkeypatch)
    async with listening(console_svc, "ops") as lines:
        await looks.one()  # nothing is there yet
        await console_svc.receives_raw(
            *(as_record(captured, journey_id=uuid4()) for _ in range(120))
        )
        await looks.one()
        first = await changed(lines)
        for _ in range(2):
            await console_svc.receives(captured, journey_id=uuid4())
        await looks.one()
        second = await changed(lines)

    assert (len(first["journeys"]), first["more"], first["facts"]) == (50, True, 120)
    assert (len(second["journeys"]), second["more"], second["facts"]) == (2, False, 2)


async def test_live_stream_sends_heartbeats(
    console_svc: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "EVERY_S", 0.05)
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.2)
    beats = 0
    async with listening(console_svc, "ops") as lines, asyncio.timeout(DEADLINE_S):
        async for line in lines:
            beats += line == ": still here"
            if beats == 2:
                break


async def test_live_stream_ends_after_its_time(
    console_svc: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "EVERY_S", 0.05)
    monkeypatch.setattr(live, "STREAM_S", 0.2)
    async with listening(console_svc, "ops") as lines, asyncio.timeout(DEADLINE_S):
        assert [line async for line in lines if line] == []


async def test_live_stream_queries_nothing_without_listeners(
    console_svc: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "EVERY_S", 0.05)
    looking = console_svc.app.state.live

    async def looks() -> bool:
        return looking._looking is not None and not looking._looking.done()

    async with listening(console_svc, "ops"):
        await eventually(looks, True)
    await eventually(looks, False)


async def test_live_stream_is_for_employees_only(console_svc: Harness) -> None:
    async with console_svc.client("ops") as ops, console_svc.client("subscriber") as outside:
        as_json = await ops.get("/live")
        refused = await outside.get("/live", headers=STREAM)

    assert as_json.status_code == 406
    assert refused.status_code == 403


async def test_live_stream_names_the_journeys_alone_that_its_viewer_may_see(
    console_svc: Harness,
) -> None:
    """Whose a journey is, is known when it is folded: until then its change is kept back."""
    deal = sample(DealOpened)
    mine, theirs = uuid4(), uuid4()
    async with listening(console_svc, "sales_rep", sub="me") as lines:
        for owner, journey in (("other", theirs), ("me", mine)):
            opened = deal.model_copy(update={"owner": Owner(sub=owner, name=owner)})
            await console_svc.receives(opened, journey_id=journey)
        async with listening(console_svc, "ops") as all_lines:
            everything = await changed(all_lines)
        while await console_svc.tick("fold_journeys"):
            pass
        seen = await changed(lines)

    assert set(everything["journeys"]) == {str(mine), str(theirs)}
    assert seen == {"journeys": [str(mine)], "more": False, "facts": 1}
