"""Bootstrap of a subscriber from states equals reading every event, while events are published.

At the feed, its stream and Kafka.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from live_hub import Hub, a_hub
from speaking import a_deal, publish

import ltc_client
from ltc_client import (
    BadCheckpoint,
    ClientError,
    Fact,
    InFile,
    InMemory,
    InSql,
    Subscription,
)
from testkit.servers import kafka_bootstrap
from testkit.service_instances import eventually

DEALS = 400
Held = dict[str, tuple[int, dict[str, Any]]]
Door = Callable[..., Subscription]


@pytest.fixture(scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    async with a_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


def door(hub: Hub, name: str) -> Door:
    if name == "kafka":
        return partial(ltc_client.kafka, kafka_bootstrap(), types="deal.*")
    stream = name == "stream"
    return partial(ltc_client.feed, hub.url, types="deal.*", token=hub.token(), stream=stream)


def take(held: Held, fact: Fact) -> None:
    """The documented rule: what a fact tells goes over what was known."""
    last, before = held.get(fact.subject, (0, {}))
    assert fact.sequence == last + 1, "nothing missed, nothing twice"
    held[fact.subject] = (fact.sequence, {**before, **fact.data})


@pytest.mark.parametrize("name", ["feed", "stream", "kafka"])
async def test_client_bootstrap_from_states_equals_reading_every_event(hub: Hub, name: str) -> None:
    """States change behind the first page, so later events repeat what later pages contain."""
    opened = door(hub, name)
    deals = [list(a_deal(n)) for n in range(DEALS)]
    ours = {deal[0][0].subject for deal in deals}
    everything: Held = {}
    newcomer: Held = {}
    await publish(kafka_bootstrap(), [deal[0] for deal in deals])
    await eventually(partial(folded, hub, ours, 1), DEALS)
    async with opened(checkpoint=InMemory(window=100_000)) as facts:
        async for state in facts.abootstrap():
            if not newcomer:
                await publish(kafka_bootstrap(), [fact for deal in deals for fact in deal[1:]])
                await eventually(partial(folded, hub, ours, 3), DEALS)
            newcomer[state.subject] = (state.sequence, dict(state.data))
        assert ours <= newcomer.keys()
        async with asyncio.timeout(90):
            while any(newcomer[subject][0] < 3 for subject in ours):
                take(newcomer, await anext(facts))
        await publish(kafka_bootstrap(), [(last := list(a_deal(1)))[0]])
        while last[0][0].subject not in newcomer:  # and nothing twice until here
            take(newcomer, await anext(facts))
    async with opened(checkpoint=InMemory(window=100_000)) as facts, asyncio.timeout(90):
        while any(everything.get(subject, (0,))[0] < 3 for subject in ours):
            take(everything, await anext(facts))
    assert {s: newcomer[s] for s in ours} == {s: everything[s] for s in ours}


async def folded(hub: Hub, ours: set[str], sequence: int) -> int:
    """Of how many deals the hub has a state that is so far."""
    kept = InMemory(window=1_000_000)
    async with ltc_client.feed(
        hub.url, types="deal.*", token=hub.token(), checkpoint=kept
    ) as facts:
        states = [state async for state in facts.abootstrap()]
    return sum(state.subject in ours and state.sequence >= sequence for state in states)


async def test_client_bootstrap_stores_states_and_position_in_one_transaction(
    hub: Hub, tmp_path: Path
) -> None:
    await publish(kafka_bootstrap(), deal := list(a_deal(1)))
    [subject] = {envelope.subject for envelope, *_ in deal}
    await eventually(partial(folded, hub, {subject}, 3), 1)
    opened = door(hub, "feed")

    def states(database: sqlite3.Connection, *, anew: bool = False) -> int:
        with opened(checkpoint=InSql(database, "board")) as facts:
            return sum(1 for _ in facts.bootstrap(anew=anew))

    def try_it() -> None:
        database = sqlite3.connect(tmp_path / "own.db")
        all_of_them = states(database)
        database.rollback()
        assert states(database) == all_of_them, "what was rolled back has not begun"
        database.commit()
        assert states(database) == 0, "it has begun"
        assert states(database, anew=True) == all_of_them
        database.commit()
        database.close()

    await asyncio.to_thread(try_it)


async def test_client_bootstrap_refuses_more_states_than_a_file_checkpoint_holds(
    hub: Hub, tmp_path: Path
) -> None:
    await publish(kafka_bootstrap(), deals := [fact for n in range(3) for fact in a_deal(n)])
    ours = {envelope.subject for envelope, *_ in deals}
    await eventually(partial(folded, hub, ours, 3), 3)
    async with door(hub, "feed")(checkpoint=InFile(tmp_path / "here", window=2)) as facts:
        with pytest.raises(BadCheckpoint, match="give it a larger window"):
            [state async for state in facts.abootstrap()]


async def test_client_bootstrap_is_refused_for_webhooks() -> None:
    async with ltc_client.webhook("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", port=0) as facts:
        with pytest.raises(ClientError, match="begin at the feed"):
            [state async for state in facts.abootstrap()]
