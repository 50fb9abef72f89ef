"""Database grants in PostgreSQL, on a server prepared by the script that compose uses.

The owner migrates, the runtime role serves, the checker reads. The server refuses the rest,
whatever the code asks for.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from chassis import roles
from chassis.migrate import upgrade
from local_infra.ports import free_port
from local_infra.postgres import BIN, Postgres
from ltc.programs import package_of
from ltc.settings import PROJECT, SERVICES
from testkit.servers import kafka_bootstrap
from testkit.single_service import SingleService

NAMES = SERVICES
MECHANICS = {"audit", "event_log", "policy"}
KEPT = {
    "lead": {"lead_import"},
    "deal": set(),
    "quote": set(),
    "contract": {"contract_text", "clause"},
    "order": set(),
    "billing": {"ledger_entry"},
    "console": {"journey_event"},
    "hub": {"feed"},
}
"""By service, its own tables that are only added to."""


@dataclass
class Server:
    """A PostgreSQL with every database of the platform."""

    postgres: Postgres

    def dsn(self, name: str, role: str) -> str:
        """A database as one of the roles; the passwords are those of the script without settings:
        each role's own name."""
        if role == "postgres":
            return self.postgres.admin_dsn.rpartition("/")[0] + f"/{name}"
        return f"postgresql://{role}:{role}@127.0.0.1:{self.postgres.port}/{name}"

    def url(self, name: str, role: str) -> str:
        return self.dsn(name, role).replace("postgresql", "postgresql+asyncpg", 1)

    def fetch(self, name: str, role: str, statement: str, *values: Any) -> list[Any]:
        async def run() -> list[Any]:
            connection = await asyncpg.connect(self.dsn(name, role))
            try:
                if values:
                    return list(await connection.fetch(statement, *values))
                await connection.execute(statement)
                return []
            finally:
                await connection.close()

        return asyncio.run(run())

    def tables(self, name: str) -> list[str]:
        found = self.fetch(
            name,
            "postgres",
            "SELECT relname FROM pg_class WHERE relnamespace = $1::text::regnamespace"
            " AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1",
            "public",
        )
        return [row[0] for row in found]

    def rights(self, name: str, role: str) -> dict[str, set[str]]:
        """What a role may do with each table, as the server sees it."""
        rows = self.fetch(
            name,
            "postgres",
            "SELECT t, v FROM unnest($1::text[]) t, unnest($2::text[]) v"
            " WHERE has_table_privilege($3, t, v)",
            self.tables(name),
            ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"],
            role,
        )
        return {t: {v for name_, v in rows if name_ == t} for t in self.tables(name)}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    home = Path(tempfile.mkdtemp(prefix="ltc-roles-"))
    postgres = Postgres(home, free_port(), durable=False)
    postgres.start()
    try:
        made = subprocess.run(
            ["sh", str(PROJECT / "deploy" / "postgres-init.sh")],
            env={
                "PATH": f"{BIN}:{os.environ['PATH']}",
                "PGHOST": "127.0.0.1",
                "PGPORT": str(postgres.port),
                "PGPASSWORD": postgres.password(),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        found = Server(postgres)
        for name in NAMES:
            url = found.url(name, name)
            asyncio.run(upgrade(package_of(name), url, runtime_role=f"{name}_runtime"))
        yield found
    finally:
        postgres.stop()
        shutil.rmtree(home)


@pytest.fixture(scope="module")
def billing(server: Server, tmp_path_factory: pytest.TempPathFactory) -> SingleService:
    """billing-svc as it is deployed: it serves as one role and migrates as another."""
    return SingleService(
        "billing_svc",
        server.dsn("billing", "billing"),
        tmp_path_factory.mktemp("billing"),
        {
            "LTC_DATABASE_URL": server.url("billing", "billing_runtime"),
            "LTC_KAFKA_BOOTSTRAP": kafka_bootstrap(),
            "LTC_HTTP_PORT": str(free_port()),
            "LTC_OIDC_ISSUER": "http://127.0.0.1:1",
            "LTC_OIDC_JWKS_URL": "http://127.0.0.1:1/jwks.json",
            "LTC_LINK_SECRET": "a secret of the tests, long enough",
        },
    )


TODAY = f"event_log_{datetime.now(UTC):%Y%m%d}"
REFUSED_TO_THE_RUNTIME = [
    *(
        statement
        for table, column in (
            ("ledger_entry", "minor"),
            ("audit", "reason"),
            ("event_log", "payload"),
            ("policy", "body"),
        )
        for statement in (
            f"UPDATE {table} SET {column} = {column}",  # noqa: S608 - constants
            f"DELETE FROM {table}",  # noqa: S608
            f"TRUNCATE {table}",
            f"ALTER TABLE {table} DISABLE TRIGGER ALL",
            f"DROP TABLE {table}",
        )
    ),
    f"DELETE FROM {TODAY}",  # noqa: S608
    f"DROP TABLE {TODAY}",
    "ALTER TABLE event_log DETACH PARTITION " + TODAY,
    "TRUNCATE invoice",
    "DROP TRIGGER keep_audit ON audit",
    "DROP FUNCTION keep_audit() CASCADE",
    "CREATE OR REPLACE FUNCTION keep_partitions() RETURNS void LANGUAGE sql AS ''",
    "SET session_replication_role = replica",
    "CREATE TABLE mine (id int)",
    "CREATE TEMP TABLE mine (id int)",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION mine() RETURNS void LANGUAGE sql AS ''",
    "CREATE ROLE mine",
    "CREATE DATABASE mine",
    "UPDATE alembic_version SET version_num = '0001'",
    "SET ROLE billing",
    "SET ROLE postgres",
    "SELECT rolpassword FROM pg_authid",
    "COPY audit TO PROGRAM 'cat'",
    "SELECT pg_read_file('postgresql.conf')",
]
REFUSED_TO_THE_CHECKER = [
    "UPDATE invoice SET number = ''",
    "INSERT INTO number_series VALUES ('x', 1)",
    "DELETE FROM outbox",
    "TRUNCATE inbox",
    "CREATE TABLE mine (id int)",
    "CREATE TEMP TABLE mine (id int)",
    "SELECT keep_partitions()",
    "SELECT rolpassword FROM pg_authid",
    "SET ROLE billing",
]


@pytest.mark.parametrize("statement", REFUSED_TO_THE_RUNTIME)
def test_db_grants_refuse_the_runtime_role(server: Server, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        server.fetch("billing", "billing_runtime", statement)


@pytest.mark.parametrize("statement", REFUSED_TO_THE_CHECKER)
def test_db_grants_refuse_the_checker(server: Server, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        server.fetch("billing", "checker", statement)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "billing"])
@pytest.mark.parametrize("role", ["billing", "billing_runtime"])
def test_db_grants_refuse_roles_of_other_services(server: Server, name: str, role: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        server.fetch(name, role, "SELECT 1")


@pytest.mark.parametrize("name", NAMES)
def test_db_grants_of_every_table_are_exactly_as_stated(server: Server, name: str) -> None:
    kept = MECHANICS | KEPT[name]
    wanted = {
        table: {"SELECT", "INSERT"} | (set() if table in kept else {"UPDATE", "DELETE"})
        for table in server.tables(name)
    } | {"alembic_version": {"SELECT"}}

    assert roles.append_only(package_of(name)) == kept
    assert kept < set(server.tables(name))
    assert server.rights(name, f"{name}_runtime") == wanted
    assert server.rights(name, "checker") == {table: {"SELECT"} for table in wanted}


def test_db_grants_allow_partition_maintenance_only_through_its_function(server: Server) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

    def day(table: str, ago: int) -> str:
        return f"{table}_{today - timedelta(days=ago):%Y%m%d}"

    def a_day_of_the_log(ago: int) -> str:
        begin, end = today - timedelta(days=ago), today - timedelta(days=ago - 1)
        return (
            f"CREATE TABLE {day('event_log', ago)} PARTITION OF event_log"
            f" FOR VALUES FROM ('{begin}') TO ('{end}')"
        )

    ahead = [day("event_log", -2), day("inbox", -2)]
    gone = [day("event_log", 401), day("inbox", 15)]
    stays = day("event_log", 400)
    server.fetch("billing", "billing", f"DROP TABLE {', '.join(ahead)}")
    for statement in (
        a_day_of_the_log(401),
        a_day_of_the_log(400),
        f"CREATE TABLE {day('inbox', 15)} PARTITION OF inbox"
        " FOR VALUES FROM ('00000000-0000-7000-8000-000000000000')"
        " TO ('00000000-0000-7000-8000-000000000001')",
    ):
        server.fetch("billing", "billing", statement)

    server.fetch("billing", "billing_runtime", "SET datestyle = 'German'; SELECT keep_partitions()")

    found = server.fetch(
        "billing",
        "billing",
        "SELECT relname FROM pg_class WHERE relname = ANY($1::text[])",
        [*ahead, *gone, stays],
    )
    assert {row[0] for row in found} == {*ahead, stays}


def test_db_grants_are_renewed_by_migrate(server: Server, billing: SingleService) -> None:
    server.fetch("billing", "billing", "CREATE TABLE newcomer (id int)")
    server.fetch("billing", "billing", "GRANT UPDATE, TRUNCATE ON audit TO billing_runtime")

    migrated = billing.run(
        "migrate", "--no-subscribe", LTC_DATABASE_OWNER_URL=server.url("billing", "billing")
    )

    try:
        assert migrated.returncode == 0, migrated.stderr
        found = server.rights("billing", "billing_runtime")
        assert found["newcomer"] == {"SELECT", "INSERT", "UPDATE", "DELETE"}
        assert found["audit"] == {"SELECT", "INSERT"}
        assert server.rights("billing", "checker")["newcomer"] == {"SELECT"}
    finally:
        server.fetch("billing", "billing", "DROP TABLE newcomer")


def test_db_grants_name_a_missing_role(server: Server, billing: SingleService) -> None:
    ended = billing.run(
        "migrate",
        "--no-subscribe",
        LTC_DATABASE_OWNER_URL=server.url("billing", "billing"),
        LTC_DATABASE_URL=server.url("billing", "ghost"),
    )

    assert ended.returncode == 77, ended.stderr
    assert "PostgreSQL knows no role ghost of LTC_DATABASE_URL" in ended.stderr.splitlines()[-1]


def test_db_grants_refuse_migrate_with_the_runtime_role(
    server: Server, billing: SingleService
) -> None:
    wrong = server.url("billing", "billing").replace("billing:billing", "billing:guess")

    ended = billing.run("migrate", "--no-subscribe", LTC_DATABASE_OWNER_URL=wrong)

    assert (ended.returncode, len(ended.stderr.splitlines())) == (77, 1), ended.stderr
    assert "correct user and password in LTC_DATABASE_OWNER_URL" in ended.stderr


def test_db_grants_refuse_serving_as_owner_in_production(
    server: Server, billing: SingleService
) -> None:
    as_owner = billing.run(
        "serve", LTC_ENVIRONMENT="production", LTC_DATABASE_URL=server.url("billing", "billing")
    )

    assert (as_owner.returncode, len(as_owner.stderr.splitlines())) == (77, 1), as_owner.stderr
    assert "may rewrite audit, event_log, ledger_entry, policy" in as_owner.stderr
    with billing.serving(LTC_ENVIRONMENT="production", LTC_CONSUME="false") as client:
        assert client.get("/health/ready").json()["status"] == "ready"


def test_db_grants_let_the_checker_read_every_database(server: Server) -> None:
    hashed = subprocess.run(
        [
            sys.executable,
            *("-m", "ltc", "verify", "--hash", "--json", "--dsn"),
            server.dsn("{name}", "checker"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert hashed.returncode == 0, hashed.stderr
    assert '"ledger_entry"' in hashed.stdout
