"""Things broken on purpose, each as it breaks in life, and mended again at the end."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from string import ascii_lowercase

import psycopg
from aiokafka import AIOKafkaProducer

from local_infra.processes import run_sync
from testkit.deadline import DEADLINE_S
from testkit.installation.supervised import SupervisedInstallation

NOTHING_IS_HEARD = "LOCK TABLE inbox IN EXCLUSIVE MODE"
"""Whatever is heard goes through the inbox: the consumer stands still, the doors stay open."""
NOTHING_IS_SAID = "SELECT 1 FROM outbox_shard FOR UPDATE"
"""The relay takes its shards before it sends: facts are committed and stay here."""


@contextmanager
def held(house: SupervisedInstallation, stage: str, statement: str) -> Iterator[None]:
    """A session of somebody else holds locks in a service's database, as a forgotten transaction
    does, until we let go; taken anew whenever the service's own time-outs broke it."""
    taken, over = threading.Event(), threading.Event()

    def hold() -> None:
        with psycopg.connect(house.dsn(stage)) as connection:
            connection.execute(statement)
            taken.set()
            over.wait()
            connection.rollback()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert taken.wait(DEADLINE_S), f"{statement} in {stage}: not taken"
        yield
    finally:
        over.set()
        holder.join()


def poison(house: SupervisedInstallation, topic: str, key: str) -> None:
    """A record that is no fact, on the very key whose facts are needed next."""

    async def send() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=house.bootstrap)
        await producer.start()
        try:
            await producer.send_and_wait(topic, b"{half a value", key.encode())
        finally:
            await producer.stop()

    run_sync(send())


@contextmanager
def unable(house: SupervisedInstallation, stage: str, rule: str) -> Iterator[str]:
    """A release of a service that cannot keep what breaks this rule on its things: a bug, mended by
    the next release. Messages that would bring such a thing about fail, all others are taken in.
    By the name given here the failures are told from those of other bugs."""
    name = "bug_" + "".join(random.choices(ascii_lowercase, k=8))
    with psycopg.connect(house.dsn(stage), autocommit=True) as connection:
        connection.execute(f"ALTER TABLE {stage} ADD CONSTRAINT {name} CHECK ({rule}) NOT VALID")
        try:
            yield name
        finally:
            connection.execute(f"ALTER TABLE {stage} DROP CONSTRAINT {name}")


def out_of_tries(
    house: SupervisedInstallation, stage: str, topic: str, keys: Sequence[str]
) -> None:
    """What waits of these keys was tried for the last time, as after the half hour which that
    takes: it waits for a person."""
    with psycopg.connect(house.dsn(stage)) as connection:
        ended = connection.execute(
            "UPDATE parked_key SET status = 'dead' WHERE topic = %s AND key = ANY(%s)",
            (topic, list(keys)),
        )
        assert ended.rowcount == len(keys)
