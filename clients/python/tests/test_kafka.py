"""The Kafka interface on a real broker: each event once, resumption, and errors in words."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition
from speaking import a_deal, begun, deals_everywhere, from_here, heard, publish, said

import ltc_client
from contracts.deal import DealOpened
from contracts.lead import LeadCaptured
from contracts.samples import sample
from ltc_client import (
    Fact,
    InFile,
    InMemory,
    InSql,
    PositionExpired,
    Refused,
    Superseded,
)
from ltc_client.checkpoints import Progress
from testkit.servers import create_database, drop_database, kafka_bootstrap
from testkit.service_instances import eventually

DEALS = "ltc.deal.v1"


@pytest.fixture(scope="module")
def bootstrap() -> str:
    return kafka_bootstrap()


async def test_client_kafka_returns_each_event_once_in_order(bootstrap: str) -> None:
    kept = InMemory()
    await from_here(bootstrap, kept, DEALS)
    deals = [list(a_deal(n)) for n in range(40)]
    await publish(bootstrap, [fact for deal in deals for fact in deal])
    # A relay that was killed says again what it had said already.
    await publish(bootstrap, [fact for deal in deals[::3] for fact in deal])
    deals += deals_everywhere()
    await publish(bootstrap, [fact for deal in deals[40:] for fact in deal])
    async with ltc_client.kafka(bootstrap, types="deal.*", checkpoint=kept) as facts:
        found = await heard(facts, len(deals) * 3)
    for deal in deals:
        of_it = [fact.sequence for fact in found if fact.subject == deal[0][0].subject]
        assert of_it == [1, 2, 3]


async def test_client_kafka_skips_undecodable_records_and_returns_unknown_types(
    bootstrap: str,
) -> None:
    kept = InMemory()
    await from_here(bootstrap, kept, DEALS)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    await producer.send_and_wait(DEALS, b"{}", key=b"k", partition=0)
    await producer.send_and_wait(DEALS, None, key=b"k", partition=0, headers=[("ce_type", b"\xff")])
    await producer.stop()
    envelope, value, topic = said(sample(DealOpened))
    newer = replace(envelope, type="ltc.deal.praised.v1", subject=str(uuid4()))
    await publish(bootstrap, [(newer, value, topic)])
    async with ltc_client.kafka(bootstrap, types="deal.*", checkpoint=kept) as facts:
        (found,) = await heard(facts, 1)
    assert isinstance(found, ltc_client.UnknownFact)
    assert found.data["number"] == sample(DealOpened).number


async def test_client_kafka_filters_by_type(bootstrap: str) -> None:
    kept = InMemory()
    await from_here(bootstrap, kept, DEALS, "ltc.lead.v1")
    await publish(bootstrap, [*a_deal(1), said(sample(LeadCaptured), subject=str(uuid4()))])
    wanted = ["lead.captured", "deal.won"]
    async with ltc_client.kafka(bootstrap, types=wanted, checkpoint=kept) as facts:
        found = await heard(facts, 2)
    assert {fact.type for fact in found} == {"ltc.lead.captured.v1", "ltc.deal.won.v1"}


async def test_client_kafka_start_latest_returns_only_new_events(bootstrap: str) -> None:
    await publish(bootstrap, a_deal(1))
    kept = InMemory()
    async with ltc_client.kafka(
        bootstrap, types="deal.*", start="latest", checkpoint=kept
    ) as facts:
        reading = asyncio.ensure_future(heard(facts, 3))
        await begun(kept)
        deal = list(a_deal(2))
        await publish(bootstrap, deal)
        found = await reading
    assert {fact.subject for fact in found} == {deal[0][0].subject}


async def test_client_kafka_start_latest_misses_nothing_after_the_first_start(
    bootstrap: str, tmp_path: Path
) -> None:
    path = tmp_path / "here"
    async with ltc_client.kafka(
        bootstrap, types="deal.*", start="latest", checkpoint=(kept := InFile(path))
    ) as facts:
        reading = asyncio.ensure_future(anext(facts))
        await begun(kept)
        reading.cancel()
        await asyncio.wait([reading])
    await publish(bootstrap, deal := list(a_deal(1)))
    async with ltc_client.kafka(
        bootstrap, types="deal.*", start="latest", checkpoint=InFile(path)
    ) as facts:
        assert {fact.id for fact in await heard(facts, 3)} == {envelope.id for envelope, *_ in deal}


def in_plain(bootstrap: str, kept: ltc_client.Checkpoint, n: int) -> list[Fact]:
    with ltc_client.kafka(bootstrap, types="deal.*", checkpoint=kept) as facts:
        return list(islice(facts, n))


async def test_client_kafka_loop_resumes_at_its_checkpoint(bootstrap: str, tmp_path: Path) -> None:
    path = tmp_path / "here"
    await from_here(bootstrap, kept := InFile(path), DEALS)
    kept.close()
    await publish(bootstrap, [fact for n in range(10) for fact in a_deal(n)])
    first = await asyncio.to_thread(in_plain, bootstrap, InFile(path), 11)
    second = await asyncio.to_thread(in_plain, bootstrap, InFile(path), 19)
    assert len({fact.id for fact in (*first, *second)}) == 30


async def test_client_kafka_repeats_an_event_whose_handling_raised(
    bootstrap: str, tmp_path: Path
) -> None:
    path = tmp_path / "here"
    await from_here(bootstrap, kept := InFile(path), DEALS)
    kept.close()
    await publish(bootstrap, a_deal(1))
    found: list[Fact] = []

    async def stumble() -> None:
        async with ltc_client.kafka(bootstrap, types="deal.*", checkpoint=InFile(path)) as facts:
            found.extend(await heard(facts, 1))
            found.append(await anext(facts))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await stumble()
    async with ltc_client.kafka(bootstrap, types="deal.*", checkpoint=InFile(path)) as facts:
        assert [fact.id for fact in await heard(facts, 1)] == [found[-1].id]


@pytest.fixture(params=["sqlite3", "psycopg"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A subscriber's own."""
    if request.param == "sqlite3":
        connection: Any = sqlite3.connect(tmp_path / "own.db")
        yield connection
        connection.close()
    else:
        name = f"t_client_{uuid4().hex[:8]}"
        with psycopg.connect(create_database(name)) as connection:
            yield connection
        drop_database(name)


async def test_client_kafka_repeats_an_event_after_a_rollback(
    bootstrap: str, database: Any
) -> None:
    kept = InSql(database, "board")
    await from_here(bootstrap, kept, DEALS)
    database.cursor().execute("CREATE TABLE deed (what TEXT)")
    database.commit()
    await publish(bootstrap, a_deal(1))

    def do(fact: Fact) -> None:
        database.cursor().execute(f"INSERT INTO deed VALUES ('{fact.id}')")  # noqa: S608

    async with ltc_client.kafka(bootstrap, types="deal.*", checkpoint=kept) as facts:
        fact = await anext(facts)
        do(fact)
        facts.done(fact)
        database.rollback()
        with pytest.raises(Superseded):
            facts.done(await anext(facts))
    database.rollback()
    kept = InSql(database, "board")
    async with ltc_client.kafka(bootstrap, types="deal.*", checkpoint=kept) as facts:
        again = await anext(facts)
        assert again.id == fact.id
        do(again)
        facts.done(again)
        database.commit()
    deeds = database.cursor()
    deeds.execute("SELECT what FROM deed")
    assert deeds.fetchall() == [(str(fact.id),)]


async def test_client_kafka_group_shares_partitions_and_takes_over(bootstrap: str) -> None:
    group = f"t.{uuid4().hex[:8]}"
    heard_by: dict[str, list[Fact]] = {"one": [], "two": []}

    async def member(name: str) -> None:
        async with ltc_client.kafka(bootstrap, types="deal.*", group=group) as facts:
            async for fact in facts:
                heard_by[name].append(fact)

    def of_ours() -> list[Fact]:
        return [fact for facts in heard_by.values() for fact in facts if fact.subject in subjects]

    async def ours(n: int) -> int:
        return min(n, len({fact.id for fact in of_ours()}))

    subjects: set[str] = set()
    async with asyncio.TaskGroup() as tasks:
        one = tasks.create_task(member("one"))
        two = tasks.create_task(member("two"))
        for deals in (range(30), range(30, 60)):
            facts = [fact for n in deals for fact in a_deal(n)]
            subjects |= {envelope.subject for envelope, *_ in facts}
            await publish(bootstrap, facts)
            await eventually(partial(ours, n := deals.stop * 3), n)
            two.cancel()
            await asyncio.wait([two])
        one.cancel()
    assert len(of_ours()) == 180


async def test_client_kafka_reports_an_expired_position(bootstrap: str) -> None:
    kept = InMemory()
    ends = await from_here(bootstrap, kept, DEALS)
    published = [fact for n in range(120) for fact in a_deal(n)]  # every partition has some
    await publish(bootstrap, published)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    gone = TopicPartition(DEALS, 0)
    await admin.delete_records({gone: RecordsToDelete(before_offset=int(ends[f"{DEALS}/0"]) + 1)})
    await admin.close()
    async with ltc_client.kafka(bootstrap, types="deal.*", checkpoint=kept) as facts:
        with pytest.raises(PositionExpired, match=r"take the present state from ltc\.deal\.state"):
            await heard(facts, len(published))  # those of other partitions may come first


async def test_client_kafka_reports_a_position_beyond_the_end(bootstrap: str) -> None:
    kept = InMemory()
    kept.save(Progress(f"{DEALS}/0", "999999999", None, True))
    async with ltc_client.kafka(bootstrap, types="deal.*", checkpoint=kept) as facts:
        with pytest.raises(PositionExpired, match="999999999 comes next"):
            await heard(facts, 1)


async def test_client_kafka_reports_an_unreachable_broker() -> None:
    async with ltc_client.kafka("127.0.0.1:1", types="deal.*") as facts:
        with pytest.raises(Refused, match="Kafka"):
            await heard(facts, 1)
