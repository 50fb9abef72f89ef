"""PostgreSQL and Kafka for tests: one of each per checkout, shared by all runs, started when asked.

``TEST_DATABASE_URL`` and ``TEST_KAFKA_BOOTSTRAP`` name existing ones; with ``LTC_TEST_CONTAINERS=1``
and a container engine that answers, testcontainers starts them; otherwise they are embedded.
``python -m local_infra.testing stop`` ends the embedded ones.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import asyncpg

from local_infra.kafka import Kafka
from local_infra.postgres import Postgres
from local_infra.processes import free_port, run_sync
from local_infra.topics import ensure_topics

ROOT = Path(__file__).resolve().parents[4]
HOME = ROOT / ".ltc" / "test"


@contextmanager
def _locked() -> Iterator[None]:
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _ports() -> dict[str, int]:
    file = HOME / "ports.json"
    if not file.exists():
        chosen = {name: free_port() for name in ("postgres", "kafka", "controller")}
        file.write_text(json.dumps(chosen))
    ports: dict[str, int] = json.loads(file.read_text())
    return ports


def _servers() -> tuple[Postgres, Kafka]:
    ports = _ports()
    return (
        Postgres(HOME, ports["postgres"], durable=False),
        Kafka(HOME, ports["kafka"], ports["controller"]),
    )


@cache
def postgres_admin_dsn() -> str:
    """A superuser's address of a PostgreSQL for tests."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        return given
    if os.environ.get("LTC_TEST_CONTAINERS") == "1":
        from testcontainers.postgres import PostgresContainer

        container = PostgresContainer("postgres:18").start()
        url: str = container.get_connection_url(driver=None)
        return url
    with _locked():
        server, _ = _servers()
        server.start()
        return server.admin_dsn


@cache
def kafka_bootstrap() -> str:
    """A broker for tests, with the product's topics."""
    given = os.environ.get("TEST_KAFKA_BOOTSTRAP")
    if given:
        bootstrap = given
    elif os.environ.get("LTC_TEST_CONTAINERS") == "1":
        from testcontainers.community.kafka import KafkaContainer

        bootstrap = KafkaContainer("apache/kafka:4.3.1").start().get_bootstrap_server()
    else:
        with _locked():
            _, kafka = _servers()
            kafka.start()
            bootstrap = kafka.bootstrap
    run_sync(ensure_topics(bootstrap))
    return bootstrap


def create_database(name: str, template: str | None = None) -> str:
    """A new, empty database; returns its address."""
    admin = postgres_admin_dsn()
    copy = f" TEMPLATE {template} STRATEGY file_copy" if template else ""
    _execute(admin, f"CREATE DATABASE {name}{copy}")
    return admin.rsplit("/", 1)[0] + f"/{name}"


def drop_database(name: str) -> None:
    _execute(postgres_admin_dsn(), f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _execute(dsn: str, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    run_sync(run())


def stop() -> None:
    with _locked():
        for server in _servers():
            server.stop()


if __name__ == "__main__":
    if sys.argv[1:] == ["stop"]:
        stop()
    else:
        print(postgres_admin_dsn())
        print(kafka_bootstrap())
