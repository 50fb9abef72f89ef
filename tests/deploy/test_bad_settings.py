"""A bad setting stops a service at once: one sentence that names it, an exit code, no stack trace.

Real processes of quote-svc. The last cases are conditions that must not stop it: the outbox absorbs
them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from chassis.revisions import of_package
from local_infra.kafka import Kafka
from local_infra.ports import free_port
from testkit.single_service import SingleService, single_service

PACKAGE = "quote_svc"
BACK = f"UPDATE alembic_version SET version_num = '{of_package(PACKAGE)[-1]}'"  # noqa: S608
NOWHERE = "127.0.0.1:1"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SingleService]:
    with single_service(PACKAGE, tmp_path_factory.mktemp("service")) as made:
        migrated = made.run("migrate")
        assert migrated.returncode == 0, migrated.stderr
        yield made


def execute(dsn: str, *statements: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


def with_url(**changes: str) -> Callable[[SingleService], dict[str, str]]:
    """The database's address with another part."""

    def change(service: SingleService) -> dict[str, str]:
        url = urlsplit(service.settings["LTC_DATABASE_URL"])
        user, _, password = url.netloc.rpartition("@")[0].partition(":")
        parts = {"user": user, "password": password, "at": url.netloc.rpartition("@")[2]}
        parts |= {"database": url.path.removeprefix("/")} | changes
        shown = "postgresql+asyncpg://{user}:{password}@{at}/{database}".format(**parts)
        return {"LTC_DATABASE_URL": shown}

    return change


@dataclass(frozen=True)
class Bad:
    """One thing wrong: what is set, and what is said."""

    code: int
    said: str
    settings: dict[str, str | None] | Callable[[SingleService], dict[str, str]]
    statements: tuple[str, ...] = ()
    """Run in the database before; undone by the next."""
    undo: tuple[str, ...] = ()

    def changes(self, service: SingleService) -> dict[str, str | None]:
        return dict(self.settings(service) if callable(self.settings) else self.settings)


STRANGER = f"stranger_{uuid4().hex[:8]}"
PRODUCTION = {"LTC_ENVIRONMENT": "production"}
BAD = {
    "missing database": Bad(78, "LTC_DATABASE_URL is missing", {"LTC_DATABASE_URL": None}),
    "missing Kafka": Bad(78, "LTC_KAFKA_BOOTSTRAP is missing", {"LTC_KAFKA_BOOTSTRAP": None}),
    "missing in production": Bad(78, "LTC_OIDC_ISSUER is missing", {**PRODUCTION}),
    "misspelt": Bad(
        78, "did you mean LTC_KAFKA_BOOTSTRAP?", {"LTC_KAFKA_BOOTSTRAPS": "127.0.0.1:9092"}
    ),
    "unknown": Bad(78, "LTC_QWERTYUIOP is no setting", {"LTC_QWERTYUIOP": "1"}),
    "no number": Bad(78, "LTC_HTTP_PORT=http cannot be used", {"LTC_HTTP_PORT": "http"}),
    "no port": Bad(78, "LTC_HTTP_PORT=70000 cannot be used", {"LTC_HTTP_PORT": "70000"}),
    "no choice": Bad(78, "LTC_ENVIRONMENT=prod cannot be used", {"LTC_ENVIRONMENT": "prod"}),
    "no truth": Bad(78, "LTC_CONSUME=perhaps cannot be used", {"LTC_CONSUME": "perhaps"}),
    "no address": Bad(
        78, "LTC_SERVICE_URLS=lead-svc:8000 cannot be used", {"LTC_SERVICE_URLS": "lead-svc:8000"}
    ),
    "another database": Bad(
        78, "LTC_DATABASE_URL cannot be used", {"LTC_DATABASE_URL": "mysql://u:secret@h/d"}
    ),
    "wrong password": Bad(77, "user and password in LTC_DATABASE_URL", with_url(password="wrong")),
    "unknown user": Bad(77, "does not let nobody in", with_url(user="nobody")),
    "no database": Bad(69, "has no database nowhere", with_url(database="nowhere")),
    "unreachable": Bad(69, f"no PostgreSQL can be used at {NOWHERE}", with_url(at=NOWHERE)),
    "no permission": Bad(
        77,
        f"the role {STRANGER} of LTC_DATABASE_URL lacks",
        with_url(user=STRANGER, password="known"),
        (f"CREATE ROLE {STRANGER} LOGIN PASSWORD 'known'",),
        (f"DROP ROLE {STRANGER}",),
    ),
    "no permission to write": Bad(
        77,
        "lacks INSERT on event_log, INSERT on gate",
        with_url(user=STRANGER, password="known"),
        (
            f"CREATE ROLE {STRANGER} LOGIN PASSWORD 'known'",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {STRANGER}",
        ),
        (f"DROP OWNED BY {STRANGER}", f"DROP ROLE {STRANGER}"),
    ),
    "behind the code": Bad(
        76,
        "run `quote-svc migrate` of this version first",
        {},
        ("UPDATE alembic_version SET version_num = '0001'",),
        (BACK,),
    ),
    "never migrated": Bad(76, "run `quote-svc migrate` first", with_url(database="postgres")),
    "ahead, and left behind": Bad(
        76,
        "only versions from revision 0008 on can use",
        {},
        (
            "UPDATE alembic_version SET version_num = '0009'",
            "COMMENT ON TABLE alembic_version IS 'oldest user 0008'",
        ),
        (
            BACK,
            "COMMENT ON TABLE alembic_version IS NULL",
        ),
    ),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_service_with_a_bad_setting_exits_with_one_sentence(
    service: SingleService, bad: Bad
) -> None:
    if bad.statements:
        execute(service.dsn, *bad.statements)
    try:
        ended = service.run("serve", **bad.changes(service))
    finally:
        if bad.undo:
            execute(service.dsn, *bad.undo)

    assert (ended.returncode, bad.said in ended.stderr) == (bad.code, True), ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "secret" not in ended.stderr.replace("LTC_LINK_SECRET", "")


@pytest.fixture(scope="module")
def empty_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    port = free_port()
    kafka = Kafka(tmp_path_factory.mktemp("kafka"), port, free_port())
    kafka.start()
    try:
        yield kafka
    finally:
        kafka.stop()


def test_service_without_its_topics_exits(service: SingleService, empty_broker: Kafka) -> None:
    ended = service.run("serve", LTC_KAFKA_BOOTSTRAP=empty_broker.bootstrap)

    assert ended.returncode == 72, ended.stderr
    assert "has no topic ltc.deal.v1" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_topic_manifest_creates_the_topics(service: SingleService, empty_broker: Kafka) -> None:
    async def topics() -> set[str]:
        admin = AIOKafkaAdminClient(bootstrap_servers=empty_broker.bootstrap)
        await admin.start()
        try:
            return set(await admin.list_topics())
        finally:
            await admin.close()

    made = service.run_module("chassis.topics", LTC_KAFKA_BOOTSTRAP=empty_broker.bootstrap)

    assert made.returncode == 0, made.stderr
    assert "ltc.deal.v1" in asyncio.run(topics())


def test_migrate_with_a_bad_setting_exits_with_the_same_sentence(service: SingleService) -> None:
    misspelt = service.run("migrate", LTC_DATABASE="x")
    away = service.run("migrate", **with_url(at=NOWHERE)(service))
    fresh_group = service.run("migrate", LTC_KAFKA_BOOTSTRAP=NOWHERE)

    assert (misspelt.returncode, away.returncode) == (78, 69)
    assert "LTC_DATABASE_URL" in misspelt.stderr
    assert "LTC_DATABASE_URL" in away.stderr
    assert fresh_group.returncode == 0, "a group that has its offsets needs no Kafka to migrate"


ABSORBED = {
    "Kafka is away": {"LTC_KAFKA_BOOTSTRAP": NOWHERE},
    "the token issuer is away": {"LTC_OIDC_JWKS_URL": f"http://{NOWHERE}/jwks.json"},
    "the collector is away": {"LTC_OTLP_ENDPOINT": f"http://{NOWHERE}"},
}


@pytest.mark.parametrize("settings", ABSORBED.values(), ids=ABSORBED)
def test_service_starts_while_kafka_is_down(
    service: SingleService, settings: dict[str, str]
) -> None:
    with service.serving(**settings) as client:
        assert client.get("/health/ready").status_code == 200


def test_service_starts_on_a_newer_compatible_database(service: SingleService) -> None:
    execute(service.dsn, "UPDATE alembic_version SET version_num = '0009'")
    try:
        with service.serving() as client:
            assert client.get("/health/ready").status_code == 200
    finally:
        execute(service.dsn, BACK)
