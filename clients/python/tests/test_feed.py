"""The feed interface at a live hub: each event once, resumption, and errors in words."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from itertools import islice
from pathlib import Path
from uuid import uuid4

import pytest
from live_hub import Hub, a_hub
from speaking import a_deal, begun, heard, publish, said

import ltc_client
from contracts.deal import DealOpened
from contracts.lead import LeadCaptured
from contracts.samples import sample
from ltc_client import Fact, InFile, InMemory, InSql, PositionExpired, Refused
from ltc_client.doors import feed as feed_door
from ltc_client.fact import as_cloudevent
from testkit.servers import kafka_bootstrap
from testkit.service_instances import eventually


@pytest.fixture(scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    async with a_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


streaming = pytest.mark.parametrize("stream", [False, True], ids=["polling", "stream"])


async def deals(n: int) -> None:
    await publish(kafka_bootstrap(), [fact for _ in range(n) for fact in a_deal(1)])


async def now(hub: Hub) -> InMemory:
    """A checkpoint behind all that earlier tests said."""
    kept = InMemory()
    marker = said(sample(LeadCaptured), subject=str(uuid4()))
    await publish(kafka_bootstrap(), [marker])
    async with ltc_client.feed(hub.url, checkpoint=kept, token=hub.token()) as facts:
        while (await heard(facts, 1))[0].id != marker[0].id:
            pass
    return kept


async def test_client_feed_returns_each_event_once_in_its_class(hub: Hub) -> None:
    kept = await now(hub)
    async with ltc_client.feed(
        hub.url, types="deal.*", checkpoint=kept, token=hub.token()
    ) as facts:
        await deals(100)
        found = await heard(facts, 300)
    by_subject: dict[str, list[int]] = {}
    for fact in found:
        by_subject.setdefault(fact.subject, []).append(fact.sequence)
    assert list(by_subject.values()) == [[1, 2, 3]] * 100
    opened = next(fact.said for fact in found if isinstance(fact.said, DealOpened))
    assert opened.title == sample(DealOpened).title
    assert opened.contact is not None
    assert opened.contact.name == "", "nobody was granted personal data"


async def test_client_feed_returns_the_same_events_as_kafka(hub: Hub) -> None:
    """A subscriber may change the interface and keep its checkpoint."""
    kept = await now(hub)
    async with (
        ltc_client.kafka(
            kafka_bootstrap(), types="deal.*", start="latest", checkpoint=(here := InMemory())
        ) as at_kafka,
        ltc_client.feed(hub.url, types="deal.*", checkpoint=kept, token=hub.token()) as at_feed,
    ):
        reading = asyncio.ensure_future(heard(at_kafka, 1))
        await begun(here)
        await deals(1)
        [one], [other] = await reading, await heard(at_feed, 1)
    assert one.id == other.id
    assert {**as_cloudevent(one), "data": 0} == {**as_cloudevent(other), "data": 0}


@streaming
async def test_client_feed_loop_resumes_at_its_checkpoint(
    hub: Hub, tmp_path: Path, stream: bool
) -> None:
    path = tmp_path / "here"
    start = (await now(hub)).positions()
    path.write_text(json.dumps({"positions": dict(start), "sequences": {}, "events": []}))
    await deals(10)

    def some(n: int) -> list[Fact]:
        with ltc_client.feed(
            hub.url, types="deal.*", checkpoint=InFile(path), token=hub.token, stream=stream
        ) as facts:
            return list(islice(facts, n))

    first, second = await asyncio.to_thread(some, 13), await asyncio.to_thread(some, 17)
    assert len({fact.id for fact in (*first, *second)}) == 30


@streaming
async def test_client_feed_waits_for_a_killed_hub(hub: Hub, stream: bool) -> None:
    kept = await now(hub)
    async with ltc_client.feed(
        hub.url, types="deal.*", checkpoint=kept, token=hub.token(), stream=stream
    ) as facts:
        await deals(1)
        await heard(facts, 2)
        waiting = asyncio.ensure_future(heard(facts, 4))
        hub.kill()
        await deals(1)
        await asyncio.to_thread(hub.start)
        assert [fact.sequence for fact in await waiting] == [3, 1, 2, 3]


@streaming
async def test_client_feed_reports_an_expired_position(hub: Hub, stream: bool) -> None:
    kept = await now(hub)
    await deals(2)
    await now(hub)
    hub.execute("UPDATE feed_floor SET position = (SELECT max(position) - 1 FROM feed)")
    async with ltc_client.feed(hub.url, checkpoint=kept, token=hub.token(), stream=stream) as facts:
        with pytest.raises(PositionExpired, match=r"/states.*the oldest cursor is "):
            await heard(facts, 1)


async def test_client_feed_position_advances_without_a_match(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_door, "WAIT_S", 1)
    database = sqlite3.connect(tmp_path / "own.db")
    kept = InSql(database, "rare")
    async with ltc_client.feed(
        hub.url, types="contract.terminated", checkpoint=kept, token=hub.token(), start="latest"
    ) as facts:
        nothing = asyncio.ensure_future(heard(facts, 1))
        await begun(kept)
        first = dict(kept.positions())
        await deals(1)

        async def moved() -> bool:
            return dict(kept.positions()) != first

        await eventually(moved, True)
        assert not nothing.done()
        nothing.cancel()
        await asyncio.wait([nothing])
    database.close()


@streaming
@pytest.mark.parametrize(
    ("types", "token", "words"),
    [
        ("deal.*", None, "401 "),
        ("deal.*", "nonsense", "401 "),
        ("deal.wonn", "good", "no fact is called 'deal.wonn'"),
    ],
)
async def test_client_feed_reports_permanent_errors(
    hub: Hub, types: str, token: str | None, words: str, stream: bool
) -> None:
    given = hub.token() if token == "good" else token
    async with ltc_client.feed(hub.url, types=types, token=given, stream=stream) as facts:
        with pytest.raises(Refused, match=words):
            await heard(facts, 1)
