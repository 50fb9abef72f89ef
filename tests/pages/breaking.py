"""Things broken on purpose, each as it breaks in life, and mended again at the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from aiokafka import AIOKafkaProducer

from local_infra.processes import run_sync
from ltc.programs import database_url
from ltc.settings import Settings
from tests.e2e.house import House

NOTHING_IS_HEARD = "LOCK TABLE inbox IN EXCLUSIVE MODE"
"""Whatever is heard goes through the inbox: the consumer stands still, the doors stay open."""
NOTHING_IS_SAID = "SELECT 1 FROM outbox_shard FOR UPDATE"
"""The relay takes its shards before it sends: facts are committed and stay here."""


@contextmanager
def held(house: House, stage: str, statement: str) -> Iterator[None]:
    """A session of somebody else holds locks in a service's database, as a forgotten transaction
    does, until we let go; taken anew whenever the service's own time-outs broke it."""
    settings = Settings.from_env(house.environment)
    dsn = database_url(settings, stage).replace("+asyncpg", "", 1)
    taken, over = threading.Event(), threading.Event()

    def hold() -> None:
        with psycopg.connect(dsn) as connection:
            connection.execute(statement)
            taken.set()
            over.wait()
            connection.rollback()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert taken.wait(30), f"{statement} in {stage}: not within 30 s"
        yield
    finally:
        over.set()
        holder.join()


def poison(house: House, topic: str, key: str) -> None:
    """A record that is no fact, on the very key whose facts are needed next."""

    async def send() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=house.kafka)
        await producer.start()
        try:
            await producer.send_and_wait(topic, b"{half a value", key.encode())
        finally:
            await producer.stop()

    run_sync(send())
