"""The relay replaces a producer that may still hold records, before anyone sends them again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import create_async_engine
from thing_service import thing_app

from chassis import bulk, relay_round
from chassis.cluster import Cluster
from chassis.metrics import Metrics
from chassis.outbox import SHARDS, outbox_row
from chassis.relay import Relay
from chassis.relay_round import publish_round
from contracts.deal import DealOpened
from contracts.ids import new_id
from contracts.samples import sample
from testkit.servers import kafka_bootstrap
from testkit.service_instances import eventually


class NarrowSender:
    """Refuses the first record of a key as too large, as a producer does before it sends."""

    def __init__(self, refused: bytes) -> None:
        self._refused = refused
        self.sent: list[bytes] = []

    async def send(
        self, topic: str, value: bytes, *, key: bytes, headers: Sequence[Any]
    ) -> asyncio.Future[Any]:
        if key == self._refused and not self.sent.count(b"refused"):
            self.sent.append(b"refused")
            raise MessageSizeTooLargeError
        self.sent.append(key)
        acknowledged = asyncio.get_running_loop().create_future()
        acknowledged.set_result(None)
        return acknowledged


async def test_relay_sends_nothing_behind_a_refused_event_of_its_key(app: FastAPI) -> None:
    first, other = await publish(app), await publish(app)
    async with app.state.database.engine.begin() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO outbox (id, shard, topic, key, aggregatetype, aggregateid,"
            " aggregate_version, type, headers, payload, created_at)"
            " SELECT gen_random_uuid(), shard, topic, key, aggregatetype, aggregateid, 2, type,"
            " headers, payload, created_at FROM outbox WHERE key = $1",
            (first,),
        )
    sender = NarrowSender(first.encode())

    async with bulk.begun(app.state.database.relaying) as connection:
        await publish_round(connection, sender, limit=10)

    assert sorted(sender.sent) == sorted([b"refused", other.encode()])
    async with app.state.database.engine.connect() as connection:
        left = await connection.exec_driver_sql("SELECT key, aggregate_version FROM outbox")
        assert [tuple(row) for row in left] == [(first, 2)]


class SilentProducer:
    """Takes every record and never gets an acknowledgement."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._sender = None
        self.taken = asyncio.Event()
        self.free_shards: list[int] = []
        """How many shards another relay could claim when this producer was stopped."""

    async def send(
        self, topic: str, value: bytes, *, key: bytes, headers: Sequence[Any]
    ) -> asyncio.Future[Any]:
        self.taken.set()
        return asyncio.get_running_loop().create_future()

    async def stop(self) -> None:
        async with self._app.state.database.engine.begin() as connection:
            rows = await connection.exec_driver_sql(
                "SELECT shard FROM outbox_shard FOR UPDATE SKIP LOCKED"
            )
            self.free_shards.append(len(rows.all()))


@pytest.fixture
async def app(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FastAPI]:
    monkeypatch.setattr(relay_round, "ACK_TIMEOUT_S", 0.5)
    async with thing_app() as app:
        yield app


async def publish(app: FastAPI) -> str:
    """Commit an event; returns its key."""
    deal_id = new_id()
    row = outbox_row(
        sample(DealOpened).model_copy(update={"deal_id": deal_id}),
        source=app.state.database.source,
        journey_id=new_id(),
        version=1,
        now=datetime.now(UTC),
        cause=None,
    )
    async with app.state.database.transaction() as tx:
        tx._pending.say(row)
    return str(deal_id)


def relay_with(
    app: FastAPI, producers: list[SilentProducer], monkeypatch: pytest.MonkeyPatch
) -> Relay:
    async def connect(self: Relay) -> SilentProducer:
        producers.append(SilentProducer(app))
        self._producer = producers[-1]  # type: ignore[assignment]
        return producers[-1]

    monkeypatch.setattr(Relay, "_connect", connect)
    database = app.state.database
    return Relay(
        database.relaying,
        cluster=app.state.settings.cluster(),
        client_id="thing",
        said=database.said,
        metrics=app.state.metrics,
    )


@pytest.mark.parametrize("database_dies", [False, True])
async def test_relay_replaces_an_unacknowledged_producer(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch, database_dies: bool
) -> None:
    producers: list[SilentProducer] = []
    at_work = asyncio.create_task(relay_with(app, producers, monkeypatch).run())
    try:
        await publish(app)

        async def tried() -> int:
            return len(producers)

        await eventually(tried, 1)
        await producers[0].taken.wait()
        if database_dies:
            async with app.state.database.engine.begin() as connection:
                await connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

        async def replaced() -> bool:
            return len(producers) > 1 and bool(producers[0].free_shards)

        await eventually(replaced, True)
    finally:
        at_work.cancel()
        await asyncio.gather(at_work, return_exceptions=True)
    # A database that has ended the relay's session holds no shard for it either.
    assert (producers[0].free_shards[0] == SHARDS) is database_dies


async def test_relay_producer_keeps_its_batches_for_longer_than_a_round() -> None:
    """aiokafka fails a batch that has expired and sends the next one of the partition."""
    engine = create_async_engine("postgresql+asyncpg://unused")
    cluster = Cluster(kafka_bootstrap())
    made = Relay(
        engine,
        cluster=cluster,
        client_id="thing",
        said=asyncio.Event(),
        metrics=Metrics("thing", instance="1"),
    )
    producer = await made._connect()
    try:
        expires_s = producer._message_accumulator._batch_ttl
        assert expires_s > relay_round.SEND_TIMEOUT_S + relay_round.ACK_TIMEOUT_S
    finally:
        await made._discard_producer()
