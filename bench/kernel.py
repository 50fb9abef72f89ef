"""The no-domain kernel: six hops of outbox, relay, Kafka and inbox with nothing to decide.

One process a hop. A hop polls a batch, enters it in an inbox, updates one row a key, writes one
outbox row a message, commits, sends the outbox and deletes it, commits offsets. ``unnest`` or
``executemany``, in batches of 1 or 500. What a journey costs beyond this is what the domain costs.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import time
from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

HOPS = 6
PARTITIONS = 6
PAYLOAD = {"name": "n" * 120, "lines": [{"sku": "s" * 20, "amount": "1.00"}] * 4}


@dataclass(frozen=True, slots=True)
class Run:
    """One kernel run."""

    dsn: str
    bootstrap: str
    batch: int
    unnest: bool
    journeys: int
    name: str

    def topic(self, hop: int) -> str:
        return f"kernel.{self.name}.{hop}"


TABLES = """
CREATE TABLE IF NOT EXISTS inbox_{hop} (id uuid PRIMARY KEY);
CREATE TABLE IF NOT EXISTS thing_{hop} (id uuid PRIMARY KEY, version int, body jsonb);
CREATE TABLE IF NOT EXISTS outbox_{hop} (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid, key text, payload bytea);
TRUNCATE inbox_{hop}, thing_{hop}, outbox_{hop};
"""


async def hop(run: Run, number: int) -> None:
    """Serve one hop until all journeys have passed."""
    connection = await asyncpg.connect(run.dsn)
    consumer = AIOKafkaConsumer(
        run.topic(number),
        bootstrap_servers=run.bootstrap,
        group_id=f"{run.name}-{number}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=run.bootstrap,
        acks="all",
        enable_idempotence=True,
        max_batch_size=256 * 1024,
    )
    await consumer.start()
    await producer.start()
    done = 0
    while done < run.journeys:
        polled = await consumer.getmany(timeout_ms=200, max_records=run.batch)
        records = [record for part in polled.values() for record in part]
        if not records:
            continue
        await _store(connection, run, number, records)
        rows = await connection.fetch(
            f"SELECT seq, key, payload FROM outbox_{number} ORDER BY seq LIMIT $1",  # noqa: S608
            run.batch,
        )
        sent = [
            await producer.send(run.topic(number + 1), row["payload"], key=row["key"].encode())
            for row in rows
        ]
        await asyncio.gather(*sent)
        await connection.execute(
            f"DELETE FROM outbox_{number} WHERE seq = ANY($1::bigint[])",  # noqa: S608
            [row["seq"] for row in rows],
        )
        await consumer.commit()
        done += len(records)
    await producer.stop()
    await consumer.stop()
    await connection.close()


async def _store(connection: asyncpg.Connection, run: Run, number: int, records: list) -> None:
    keys = [UUID(record.key.decode()) for record in records]
    bodies = [json.dumps(json.loads(record.value)) for record in records]
    payloads = [body.encode() for body in bodies]
    texts = [str(key) for key in keys]
    async with connection.transaction():
        if run.unnest:
            await connection.execute(
                f"INSERT INTO inbox_{number} SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING",
                keys,
            )
            await connection.execute(
                f"INSERT INTO thing_{number} SELECT id, 1, body"  # noqa: S608
                " FROM unnest($1::uuid[], $2::jsonb[]) AS new(id, body)"
                " ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                keys,
                bodies,
            )
            await connection.execute(
                f"INSERT INTO outbox_{number} (id, key, payload)"  # noqa: S608
                " SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[])",
                keys,
                texts,
                payloads,
            )
        else:
            await connection.executemany(
                f"INSERT INTO inbox_{number} VALUES ($1) ON CONFLICT DO NOTHING",  # noqa: S608
                [(key,) for key in keys],
            )
            await connection.executemany(
                f"INSERT INTO thing_{number} VALUES ($1, 1, $2)"  # noqa: S608
                " ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                list(zip(keys, bodies, strict=True)),
            )
            await connection.executemany(
                f"INSERT INTO outbox_{number} (id, key, payload) VALUES ($1, $2, $3)",  # noqa: S608
                list(zip(keys, texts, payloads, strict=True)),
            )


def _process(run: Run, number: int) -> None:
    uvloop.run(hop(run, number))


async def _prepare(run: Run) -> None:
    connection = await asyncpg.connect(run.dsn)
    for number in range(HOPS):
        await connection.execute(TABLES.format(hop=number))
    await connection.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=run.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(run.topic(n), PARTITIONS, 1) for n in range(HOPS + 1)])
    await admin.close()


async def _offer_and_await(run: Run, per_s: float | None) -> tuple[float, list[float]]:
    """Offer the journeys, all at once or so many a second, and wait for the last to leave the last
    hop. Seconds in all, and milliseconds of each."""
    producer = AIOKafkaProducer(bootstrap_servers=run.bootstrap, max_batch_size=256 * 1024)
    consumer = AIOKafkaConsumer(
        run.topic(HOPS),
        bootstrap_servers=run.bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await producer.start()
    await consumer.start()
    body = json.dumps(PAYLOAD).encode()
    offered: dict[bytes, float] = {}
    started = time.perf_counter()

    async def offer() -> None:
        sent = []
        for n in range(run.journeys):
            if per_s is not None:
                await asyncio.sleep(max(0, started + n / per_s - time.perf_counter()))
            key = str(uuid4()).encode()
            offered[key] = time.perf_counter()
            sent.append(await producer.send(run.topic(0), body, key=key))
        await asyncio.gather(*sent)

    offering = asyncio.create_task(offer())
    took: list[float] = []
    while len(took) < run.journeys:
        polled = await consumer.getmany(timeout_ms=200, max_records=1000)
        now = time.perf_counter()
        took += [(now - offered[record.key]) * 1000 for part in polled.values() for record in part]
    total = time.perf_counter() - started
    await offering
    await producer.stop()
    await consumer.stop()
    return total, took


def journeys_per_second(
    dsn: str, bootstrap: str, *, batch: int, unnest: bool, journeys: int
) -> float:
    """Journeys a second through six hops, all offered at once."""
    total, _ = _through_six_hops(dsn, bootstrap, batch, journeys, None, unnest=unnest)
    return journeys / total


def latencies_ms(dsn: str, bootstrap: str, *, journeys: int, per_s: float) -> list[float]:
    """Milliseconds of each journey through six hops, offered at a rate that leaves time."""
    return _through_six_hops(dsn, bootstrap, 500, journeys, per_s, unnest=True)[1]


def _through_six_hops(
    dsn: str, bootstrap: str, batch: int, journeys: int, per_s: float | None, *, unnest: bool
) -> tuple[float, list[float]]:
    run = Run(dsn, bootstrap, batch, unnest, journeys, uuid4().hex[:8])
    asyncio.run(_prepare(run))
    context = multiprocessing.get_context("spawn")
    hops = [context.Process(target=_process, args=(run, n)) for n in range(HOPS)]
    for process in hops:
        process.start()
    time.sleep(2.5)
    result = asyncio.run(_offer_and_await(run, per_s))
    for process in hops:
        process.join(20)
        if process.is_alive():
            process.kill()
    return result
