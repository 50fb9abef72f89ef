"""The local PostgreSQL: durable, with one database per service."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import asyncpg
import pytest

from local_infra.ports import free_port
from local_infra.postgres import Postgres, provision_sync, role_password
from local_infra.processes import run_sync
from testkit import servers
from testkit.servers import create_database, drop_database

NAMES = ("lead", "deal")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A durable server of our own; not under pytest's folder, which only its owner may enter."""
    home = Path(tempfile.mkdtemp(prefix="ltc-postgres-"))
    server = Postgres(home, free_port())
    server.start()
    provision_sync(server.admin_dsn, NAMES, "a secret")
    yield server
    server.stop()
    shutil.rmtree(home)


def query(dsn: str, statement: str) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return run_sync(run())


def as_role(server: Postgres, role: str, database: str) -> str:
    password = role_password("a secret", role)
    return f"postgresql://{role}:{password}@127.0.0.1:{server.port}/{database}"


def test_postgres_service_owns_its_database(server: Postgres) -> None:
    query(as_role(server, "lead", "lead"), "CREATE TABLE mine (id int)")

    assert query(as_role(server, "lead", "lead"), "SELECT count(*) FROM mine") == 0


def test_postgres_service_cannot_connect_to_another_database(server: Postgres) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        query(as_role(server, "lead", "deal"), "SELECT 1")


def test_postgres_refuses_a_wrong_password(server: Postgres) -> None:
    stranger = f"postgresql://lead:guess@127.0.0.1:{server.port}/lead"

    with pytest.raises(asyncpg.InvalidPasswordError):
        query(stranger, "SELECT 1")


def test_postgres_provisioning_is_idempotent(server: Postgres) -> None:
    provision_sync(server.admin_dsn, NAMES, "a secret")

    assert query(as_role(server, "deal", "deal"), "SELECT current_user") == "deal"


def test_postgres_installation_is_durable(server: Postgres) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        assert query(server.admin_dsn, f"SHOW {setting}") == "on"
    assert query(server.admin_dsn, "SHOW listen_addresses") == "127.0.0.1"


def test_postgres_keeps_committed_rows_after_a_kill(server: Postgres) -> None:
    query(server.admin_dsn, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS id")
    process = server.child.process()
    assert process is not None
    process.kill()
    process.wait(5)

    server.start()

    assert query(server.admin_dsn, "SELECT count(*) FROM kept") == 1000


def _address(_: int) -> str:
    return servers.postgres_admin_dsn()


def test_postgres_test_server_is_shared_between_processes() -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as processes:
        assert len(set(processes.map(_address, range(3)))) == 1


async def test_postgres_test_database_is_a_copy_of_its_template() -> None:
    template, copy = "infra_template", "infra_copy"
    for name in (copy, template):
        drop_database(name)
    connection = await asyncpg.connect(create_database(template))
    await connection.execute("CREATE TABLE migrated (id int)")
    await connection.close()

    connection = await asyncpg.connect(create_database(copy, template))
    found = await connection.fetchval("SELECT to_regclass('migrated')")
    await connection.close()
    for name in (copy, template):
        await asyncio.to_thread(drop_database, name)

    assert found == "migrated"
