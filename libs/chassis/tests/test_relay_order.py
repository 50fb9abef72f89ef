"""Order and completeness of the relay with concurrent writers; known wrong designs as controls."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from relay_designs import (
    Design,
    State,
    cursor_on_identity,
    lock_and_read_in_one,
    row_skip_locked,
    snapshot_xmin,
)
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from chassis import bulk
from chassis.outbox import shard_of
from chassis.relay_round import publish_round
from chassis.schema import create_v1, keep_failures
from testkit.servers import create_database, drop_database
from testkit.service_instances import eventually

WRITERS, TRANSACTIONS, AGGREGATES = 12, 120, 30
TOPIC = "ltc.test.v1"
ACK_S = 0.003
IDLE_ROUNDS = 20
LOADS = 5

LOCK_AGGREGATE = "UPDATE thing SET version = version + 1 WHERE key = $1 RETURNING version"
SAY = """
INSERT INTO outbox (id, shard, topic, key, aggregatetype, aggregateid, aggregate_version, type,
                    headers, payload, created_at)
VALUES (gen_random_uuid(), $1, $2, $3, 'test', $3, $4, 'ltc.test.happened.v1', '{}', '', now())
"""


@dataclass(slots=True)
class Log:
    """What reached the broker, in the order it was acknowledged."""

    sent: list[tuple[str, int]] = field(default_factory=list)

    def faults(self, written: int) -> Counter[str]:
        """How many were lost, repeated, or came after a later one of their key."""
        faults: Counter[str] = Counter(lost=written - len(set(self.sent)))
        newest: dict[str, int] = {}
        seen: set[tuple[str, int]] = set()
        for key, version in self.sent:
            if (key, version) in seen:
                faults["repeated"] += 1
            if version < newest.get(key, 0):
                faults["reordered"] += 1
            seen.add((key, version))
            newest[key] = max(version, newest.get(key, 0))
        return +faults


class Broker:
    """Acknowledges after a moment, in order, as one broker connection does."""

    def __init__(self, log: Log) -> None:
        self.log = log

    async def send(
        self, topic: str, value: bytes, *, key: bytes, headers: Sequence[Any]
    ) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        version = int(dict(headers)["version"])
        asyncio.get_running_loop().call_later(
            ACK_S, self._acknowledge, key.decode(), version, future
        )
        return future

    def _acknowledge(self, key: str, version: int, future: asyncio.Future[None]) -> None:
        self.log.sent.append((key, version))
        if not future.done():
            future.set_result(None)


@pytest.fixture
async def engine() -> AsyncIterator[AsyncEngine]:
    name = f"t_relay_{uuid4().hex[:8]}"
    url = create_database(name).replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(url, pool_size=32)
    statements: list[str] = []
    create_v1(statements.append)
    keep_failures(statements.append)
    async with engine.begin() as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)
        await connection.exec_driver_sql(
            "CREATE TABLE thing (key text PRIMARY KEY, version bigint)"
        )
        await connection.exec_driver_sql(
            "INSERT INTO thing SELECT 'k' || n, 0 FROM generate_series(1, $1) n", (AGGREGATES,)
        )
    yield engine
    await engine.dispose()
    drop_database(name)


async def write(engine: AsyncEngine, seed: int) -> None:
    """One writer: transactions of one to three facts about one aggregate, some of them slow."""
    dice = random.Random(seed)
    for _ in range(TRANSACTIONS):
        key = f"k{dice.randint(1, AGGREGATES)}"
        async with engine.begin() as connection:
            if dice.random() < 0.5:  # a write before the lock: the transaction has its xid early
                await connection.exec_driver_sql(
                    "INSERT INTO number_series VALUES ($1, 1)", (uuid4().hex,)
                )
            for _ in range(dice.randint(1, 3)):
                version = (await connection.exec_driver_sql(LOCK_AGGREGATE, (key,))).scalar_one()
                await connection.exec_driver_sql(SAY, (shard_of(TOPIC, key), TOPIC, key, version))
            if dice.random() < 0.2:
                await asyncio.sleep(dice.random() * 0.01)


async def written(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int(
            (await connection.exec_driver_sql("SELECT sum(version) FROM thing")).scalar_one()
        )


async def race(
    engine: AsyncEngine, relays: Sequence[Any], over: Callable[[], Awaitable[bool]]
) -> None:
    """Write and relay at once, until all is written and then a condition holds."""
    writers = [asyncio.create_task(write(engine, seed)) for seed in range(WRITERS)]
    tasks = [asyncio.create_task(relay()) for relay in relays]
    await asyncio.gather(*writers)
    await eventually(over, True)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def faults_of(engine: AsyncEngine, design: Design, relays: int) -> Counter[str]:
    """Until each relay has found nothing in many rounds after the last write."""
    log = Log()
    cursor = State()
    idle = Counter[int]()
    began = asyncio.Event()

    async def publish(batch: list[tuple[str, int]]) -> None:
        if batch:
            await asyncio.sleep(random.uniform(0, 4 * ACK_S))
            log.sent += batch

    async def relay(number: int) -> None:
        while True:
            async with engine.begin() as connection:
                found = await design(connection, cursor, publish)
            idle[number] = 0 if found else idle[number] + 1
            await asyncio.sleep(0 if found else 0.002)

    async def over() -> bool:
        if not began.is_set():
            began.set()
            idle.clear()
        return all(idle[number] > IDLE_ROUNDS for number in range(relays))

    await race(engine, [partial(relay, number) for number in range(relays)], over)
    return log.faults(await written(engine))


@pytest.mark.parametrize("relays", [1, 4])
async def test_relay_loses_repeats_and_reorders_nothing_with_concurrent_writers(
    engine: AsyncEngine, relays: int
) -> None:
    log = Log()
    async with engine.begin() as connection:
        await connection.exec_driver_sql(
            "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.headers ="
            " jsonb_build_object('version', NEW.aggregate_version::text); RETURN NEW; END $$"
        )
        await connection.exec_driver_sql(
            "CREATE TRIGGER stamp BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION stamp()"
        )

    async def relay() -> None:
        broker = Broker(log)
        while True:
            async with bulk.begun(engine) as connection:
                done = await publish_round(connection, broker, limit=60)
            await asyncio.sleep(0 if done.more else 0.003)

    async def over() -> bool:
        async with engine.connect() as connection:
            left = await connection.exec_driver_sql("SELECT count(*) FROM outbox")
            return bool(left.scalar_one() == 0)

    await race(engine, [relay] * relays, over)

    assert log.faults(await written(engine)) == Counter()
    async with engine.connect() as connection:
        logged = await connection.exec_driver_sql("SELECT count(*) FROM event_log")
        assert logged.scalar_one() == await written(engine)


@pytest.mark.parametrize(
    ("design", "relays", "fault"),
    [
        (cursor_on_identity, 1, "lost"),
        (snapshot_xmin, 1, "reordered"),
        (row_skip_locked, 4, "reordered"),
        (lock_and_read_in_one, 6, "repeated"),
    ],
)
async def test_relay_order_check_catches_a_known_wrong_design(
    engine: AsyncEngine, design: Design, relays: int, fault: str
) -> None:
    """Some load does: how the writers and the relays meet is chance."""
    faults: Counter[str] = Counter()
    for _ in range(LOADS):
        faults = await faults_of(engine, design, relays)
        if faults[fault]:
            break
        async with engine.begin() as connection:
            await connection.exec_driver_sql("UPDATE thing SET version = 0")
            await connection.exec_driver_sql("TRUNCATE outbox")

    assert faults[fault] > 0, f"the load did not catch {design.__name__}: {faults}"
