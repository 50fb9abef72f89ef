"""PostgreSQL and Kafka for tests: one of each per checkout, shared by all runs, started when asked.

``TEST_DATABASE_URL`` and ``TEST_KAFKA_BOOTSTRAP`` name existing ones; ``LTC_TEST_CONTAINERS=1`` has
testcontainers start them, for those with a container engine; otherwise they are embedded.
Containers have to be asked for, because an engine that answers may still not get the images, or
``LTC_TEST_POSTGRES_IMAGE`` and ``LTC_TEST_KAFKA_IMAGE``; who asks for them without an engine is
told so. They end with the process that asked.
``python -m testkit.servers stop`` ends the embedded ones.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg

from chassis.cluster import Cluster
from local_infra.errors import CannotStart, MissingPrerequisite
from local_infra.forking.client import ForkServer
from local_infra.kafka import Kafka
from local_infra.ports import free_port, is_free
from local_infra.postgres import Postgres
from local_infra.processes import Child, run_sync
from local_infra.topics import answers, ensure_topics

ROOT = Path(__file__).resolve().parents[4]
HOME = ROOT / ".ltc" / "test"


@contextmanager
def _locked() -> Iterator[None]:
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _servers() -> tuple[Postgres, Kafka]:
    """This checkout's two servers. One that is not running gets new ports when its old ones are
    taken meanwhile."""
    file = HOME / "ports.json"
    ports: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    for server, names in (("postgres", ("postgres",)), ("kafka", ("kafka", "controller"))):
        if Child(server, HOME / "run", HOME / "logs").process() is not None:
            continue
        for name in names:
            if name not in ports or not is_free(ports[name]):
                ports[name] = free_port()
    file.write_text(json.dumps(ports))
    return (
        Postgres(HOME, ports["postgres"], durable=False),
        Kafka(HOME, ports["kafka"], ports["controller"]),
    )


def infrastructure() -> str:
    """Which PostgreSQL and Kafka the tests get, in words."""
    of = {"PostgreSQL": "TEST_DATABASE_URL", "Kafka": "TEST_KAFKA_BOOTSTRAP"}
    return ", ".join(f"{server} {_origin(variable)}" for server, variable in of.items())


def _origin(variable: str) -> str:
    if os.environ.get(variable):
        return f"from {variable}"
    return "in a container" if wants_containers() else "embedded"


def wants_containers() -> bool:
    """Whether this run asked for containers."""
    return os.environ.get("LTC_TEST_CONTAINERS") == "1"


@contextmanager
def _engine() -> Iterator[None]:
    """Name the missing engine instead of letting its client fail in its own words."""
    from docker.errors import DockerException

    try:
        yield
    except DockerException as error:
        raise MissingPrerequisite(
            f"LTC_TEST_CONTAINERS=1 needs a container engine, and none answers: {error}"
        ) from error


@cache
def postgres_admin_dsn() -> str:
    """A superuser's address of a PostgreSQL for tests."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        return given
    if wants_containers():
        from testcontainers.community.postgres import PostgresContainer

        image = os.environ.get("LTC_TEST_POSTGRES_IMAGE", "postgres:18")
        with _engine():
            container = PostgresContainer(image)
            port = _start(container, 5432, free_port())
        return f"postgresql://{container.username}:{container.password}@127.0.0.1:{port}/postgres"
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
    elif wants_containers():
        with _engine():
            bootstrap = _kafka_in_a_container()
    else:
        with _locked():
            _, kafka = _servers()
            kafka.start()
            bootstrap = kafka.bootstrap
    run_sync(ensure_topics(Cluster(bootstrap)))
    return bootstrap


def _kafka_in_a_container() -> str:
    """As in docker-compose.yml; testcontainers' own recipe is for another company's image."""
    from testcontainers.core.container import DockerContainer

    from local_infra.containers import FILE

    port = free_port()
    container = DockerContainer(os.environ.get("LTC_TEST_KAFKA_IMAGE", "apache/kafka:4.3.1"))
    settings = {
        **FILE["kafka"]["environment"],
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://localhost:9092,LOCAL://127.0.0.1:{port}",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    }
    for name, value in settings.items():
        container.with_env(name, value)
    _start(container, 29092, port)
    bootstrap = f"127.0.0.1:{port}"
    for _ in range(60):
        if answers(Cluster(bootstrap)):
            return bootstrap
        time.sleep(0.5)
    said = b"".join(container.get_logs()).decode(errors="replace")
    raise CannotStart(f"Kafka in a container does not answer; it said:\n{said[-2000:]}")


def _start(container: Any, inside: int, port: int) -> int:
    """On this port of the loopback interface; removed when this process ends."""
    container.ports = {f"{inside}/tcp": ("127.0.0.1", port)}
    atexit.register(container.stop)
    container.start()
    return port


def servers_in_containers() -> dict[str, str]:
    """What has `ltc up` use containers, when this run asked for them; else nothing."""
    if not wants_containers():
        return {}
    return {"LTC_POSTGRES_DSN": postgres_admin_dsn(), "LTC_KAFKA_BOOTSTRAP": kafka_bootstrap()}


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


def share_fork_server() -> None:
    """Have all installations of this checkout's tests fork from one server. It starts with the
    first of them, and ends a minute after the last."""
    os.environ.setdefault("LTC_FORK_SERVER", str(HOME / "run"))


def stop() -> None:
    ForkServer(HOME / "run", HOME / "logs", []).stop()
    with _locked():
        for server in _servers():
            server.stop()


if __name__ == "__main__":
    if sys.argv[1:] == ["stop"]:
        stop()
    else:
        print(postgres_admin_dsn())
        print(kafka_bootstrap())
