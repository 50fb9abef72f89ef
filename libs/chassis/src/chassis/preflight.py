"""What must be true before a process serves; what is not is one sentence and an exit code.

PostgreSQL must answer, let us in, and have a schema that fits. Kafka may be away, because the
outbox absorbs that; but when it answers, it must have our topics and let us use them. The token
issuer and the collector may be away.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import time
from collections.abc import Sequence

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    KafkaError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from chassis import revisions, roles
from chassis.cluster import Cluster
from chassis.exits import BadSetting, DatabaseAway, MustStop, NotPermitted, TopicMissing
from chassis.settings import Settings

logger = logging.getLogger(__name__)

STARTING_WITHIN_S = 10.0
"""How long a PostgreSQL that answers may take to accept connections."""
KAFKA_WITHIN_S = 3.0
WRONG_PASSWORD = {"28000", "28P01"}
NO_RIGHT, NO_DATABASE, STARTING = "42501", "3D000", "57P03"

LACKING = """
SELECT string_agg(verb || ' on ' || name, ', ' ORDER BY name, verb) FROM (
  SELECT verb, name
  FROM unnest(ARRAY['outbox', 'inbox', 'event_log', 'gate', 'parked_key']) AS name,
       unnest(ARRAY['SELECT', 'INSERT']) AS verb
  WHERE NOT has_table_privilege(name, verb)
  UNION ALL
  SELECT 'EXECUTE', 'keep_partitions()'
  WHERE has_function_privilege(to_regprocedure('keep_partitions()')::oid, 'EXECUTE') IS NOT TRUE
) lacking
"""


async def check_database(package: str, settings: Settings) -> None:
    """It can be reached, its revision fits, and we have the rights we need. Raises MustStop."""
    await reach_database(settings)
    engine = _engine(settings)
    try:
        async with engine.connect() as connection:
            at = await revisions.of_database(connection)
            revisions.require_fit(package, revisions.of_package(package), at)
            lacking = (await connection.exec_driver_sql(LACKING)).scalar()
            if lacking:
                raise NotPermitted(
                    f"the role {engine.url.username} of LTC_DATABASE_URL lacks {lacking}:"
                    f" `{package.replace('_', '-')} migrate` grants it to whom it finds there"
                )
            if settings.environment == "production":
                await _refuse_rewriting(connection, package, str(engine.url.username))
    except DBAPIError as error:
        raise _refusal(engine, error) from error
    finally:
        await engine.dispose()


async def _refuse_rewriting(connection: AsyncConnection, package: str, role: str) -> None:
    """In production, whoever serves must not be able to rewrite what is kept as evidence."""
    tables = await roles.rewritable(connection, package)
    if tables:
        raise NotPermitted(
            f"the role {role} of LTC_DATABASE_URL may rewrite {tables}, which no service may in"
            " production: serve as a role that owns nothing, and name the owner to `migrate` alone,"
            " in LTC_DATABASE_OWNER_URL"
        )


async def reach_database(settings: Settings, *, as_owner: bool = False) -> None:
    """PostgreSQL answers and lets us in. One that has just been started is waited for. Raises
    MustStop."""
    deadline = time.monotonic() + STARTING_WITHIN_S
    engine = _engine(settings, as_owner=as_owner)
    try:
        while True:
            try:
                async with engine.connect():
                    return
            except (DBAPIError, asyncpg.PostgresError) as error:
                if _state(error) != STARTING or time.monotonic() > deadline:
                    raise _refusal(engine, error, as_owner) from error
            except (OSError, TimeoutError, asyncpg.InterfaceError) as error:
                raise _refusal(engine, error, as_owner) from error
            await asyncio.sleep(0.2)
    finally:
        await engine.dispose()


def _engine(settings: Settings, *, as_owner: bool = False) -> AsyncEngine:
    url = settings.owner_url() if as_owner else settings.database_url
    return create_async_engine(
        url.get_secret_value(), connect_args={"timeout": 5, "command_timeout": 10}
    )


def _state(error: Exception) -> str | None:
    state: str | None = getattr(getattr(error, "orig", error), "sqlstate", None)
    return state


def _refusal(engine: AsyncEngine, error: Exception, as_owner: bool = False) -> MustStop:
    """What PostgreSQL's answer, or its silence, means for whoever set the address."""
    variable = "LTC_DATABASE_OWNER_URL" if as_owner else "LTC_DATABASE_URL"
    where = f"{engine.url.host}:{engine.url.port or 5432}"
    user, database = engine.url.username, engine.url.database
    state = _state(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return BadSetting(
            f"PostgreSQL at {where} shows a certificate that PGSSLROOTCERT does not vouch for:"
            f" {error.verify_message}"
        )
    if isinstance(error, FileNotFoundError):
        file = os.environ.get("PGSSLROOTCERT")
        return BadSetting(f"PGSSLROOTCERT={file} cannot be used: there is no such file")
    if isinstance(error, ssl.SSLError | asyncpg.ClientConfigurationError):
        return BadSetting(f"{variable} cannot be used: {_words(error)}")
    if state in WRONG_PASSWORD:
        return NotPermitted(
            f"PostgreSQL at {where} does not let {user} in: correct user and password in {variable}"
        )
    if state == NO_RIGHT:
        return NotPermitted(
            f"the role {user} of {variable} lacks rights on {database}"
            f" ({_words(error)}): grant them, or use the service's own role"
        )
    if state == NO_DATABASE:
        return DatabaseAway(
            f"PostgreSQL at {where} has no database {database}: create it, or correct {variable}"
        )
    return DatabaseAway(
        f"no PostgreSQL can be used at {where} ({_words(error)}): start it, or correct {variable}"
    )


def _words(error: Exception) -> str:
    said = str(getattr(error, "orig", None) or error) or type(error).__name__
    return said.splitlines()[0].rpartition(">: ")[2]


async def check_topics(settings: Settings, topics: Sequence[str]) -> None:
    """When Kafka answers, it has our topics and lets us use them. Raises MustStop."""
    cluster = settings.cluster()
    try:
        async with asyncio.timeout(KAFKA_WITHIN_S):
            await cluster.be_let_in()
            missing = await _missing(cluster, topics)
    except (KafkaError, OSError, TimeoutError) as error:
        logger.warning(
            "Kafka does not answer at %s yet (%s); what is said waits in the outbox",
            cluster,
            type(error).__name__,
        )
    else:
        if missing:
            raise TopicMissing(
                f"Kafka at {cluster} has no topic {', '.join(missing)}: run"
                " `python -m chassis.topics` first, or correct LTC_KAFKA_BOOTSTRAP"
            )


async def _missing(cluster: Cluster, topics: Sequence[str]) -> list[str]:
    """The topics that a broker says, several times, it has not got: one that has just come up may
    know of none for a moment."""
    admin = AIOKafkaAdminClient(**cluster.client(), request_timeout_ms=2000)
    try:
        await admin.start()
        for pause in (0.25, 0.5, 1.0, 0.0):
            codes = {t["topic"]: t["error_code"] for t in await admin.describe_topics(list(topics))}
            refused = [t for t, c in codes.items() if c == TopicAuthorizationFailedError.errno]
            if refused:
                raise NotPermitted(
                    f"Kafka at {cluster} (LTC_KAFKA_BOOTSTRAP) does not let us use"
                    f" {', '.join(refused)}: give this service's principal its rights"
                )
            unknown = UnknownTopicOrPartitionError.errno
            missing = [t for t in topics if codes.get(t, unknown) == unknown]
            if not missing:
                break
            await asyncio.sleep(pause)
        return missing
    finally:
        await admin.close()
