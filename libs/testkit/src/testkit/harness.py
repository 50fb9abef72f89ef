"""The harness a service's tests run in: a real database of its own, real messages, real HTTP.

No broker: what a service hears is given to its batch processor as records with their headers, and
what it says is read from its outbox. Kafka itself is in the tests of the chassis and end to end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
import uvicorn
from fastapi import FastAPI
from joserfc.jwk import ECKey, KeySet
from pydantic import SecretStr

from chassis.app import create_app
from chassis.auth import Actor
from chassis.batch import BatchProcessor
from chassis.db import Database
from chassis.delivery import RawRecord
from chassis.gates import sweep_overdue
from chassis.issuer import sign
from chassis.migrate import upgrade
from chassis.policies import Policies
from chassis.retries import Retries
from chassis.runtime import Service
from chassis.settings import Settings
from chassis.timers import run_once
from chassis.transaction import Transaction
from chassis.tries import Process
from chassis.wire import BoundedHttp
from contracts.envelope import Envelope
from contracts.event import Event
from contracts.ids import new_id
from testkit.servers import create_database, drop_database

E = TypeVar("E", bound=Event)

KEY = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
JOURNEY = UUID("01890000-0000-7000-8000-00000000000a")


def as_record(
    fact: Event,
    *,
    journey_id: UUID = JOURNEY,
    version: int = 1,
    event_id: UUID | None = None,
    at: datetime | None = None,
    offset: int = 0,
) -> RawRecord:
    """A fact as Kafka would deliver it."""
    key = str(fact.key_value())
    envelope = Envelope(
        id=event_id or new_id(),
        type=fact.name,
        source="/ltc/test",
        subject=key,
        time=at or datetime.now(UTC),
        sequence=version,
        journey_id=journey_id,
        causation_id=None,
        traceparent=None,
        tracestate=None,
        partition_key=key,
    )
    headers = list(envelope.to_headers())
    return RawRecord(fact.topic, 0, offset, key.encode(), fact.model_dump_json().encode(), headers)


class Harness:
    """One service under test."""

    def __init__(self, service: Service, settings: Settings, app: FastAPI, package: str) -> None:
        self.service = service
        self.settings = settings
        self.app = app
        self.package = package
        self.database: Database = app.state.database
        by = Process(service.version, settings.instance)
        self.processor = BatchProcessor(self.database, service.consumer, app.state.metrics, by)
        self.retries = Retries(self.database, service.consumer, self.processor)

    async def receives(
        self, *facts: Event, times: int = 1, journey_id: UUID = JOURNEY, at: datetime | None = None
    ) -> None:
        """Deliver facts in one batch, each with one event id however many times it comes."""
        records = [
            as_record(f, journey_id=journey_id, at=at, version=n + 1) for n, f in enumerate(facts)
        ]
        for _ in range(times):
            await self.processor.process(records)

    async def receives_raw(self, *records: RawRecord) -> None:
        """Deliver records as they are, malformed ones too."""
        await self.processor.process(list(records))

    async def published(self, fact: type[E]) -> list[E]:
        """Every fact of this type that was said, in the order it was said."""
        rows = await self.rows("SELECT payload FROM outbox WHERE type = $1 ORDER BY seq", fact.name)
        return [fact.model_validate_json(row[0]) for row in rows]

    async def said(self) -> list[str]:
        """The types of everything said, in order."""
        return [row[0] for row in await self.rows("SELECT type FROM outbox ORDER BY seq")]

    async def rows(self, statement: str, *values: Any) -> list[Any]:
        """Rows of a plain SQL statement."""
        async with self.database.engine.connect() as connection:
            result = await connection.exec_driver_sql(statement, values)
            return list(result.all())

    async def execute(self, statement: str, *values: Any) -> None:
        async with self.database.engine.begin() as connection:
            await connection.exec_driver_sql(statement, values)

    @asynccontextmanager
    async def transaction(
        self, *, now: datetime | None = None, actor: Actor | None = None
    ) -> AsyncIterator[Transaction]:
        async with self.database.transaction(now=now, actor=actor) as tx:
            yield tx

    async def retry_parked(self) -> None:
        """Make every parked key due and try it."""
        await self.execute("UPDATE parked_key SET next_retry_at = now() WHERE status = 'retrying'")
        while await self.retries.retry_due():
            pass

    async def tick(self, name: str) -> int:
        """Run one timer once; how many it dealt with."""
        timer = next(t for t in self.service.timers.timers if t.name == name)
        return await run_once(self.database, timer)

    async def let_gates_lapse(self) -> int:
        """Let the time of every open gate pass, and sweep; how many gates were marked overdue."""
        past = "2020-01-01T00:00:00Z"
        for repository in self.service.repositories:
            await self.execute(
                f"UPDATE {repository.table().name} SET body = jsonb_set(body, '{{gates}}',"  # noqa: S608
                " (SELECT jsonb_agg(gate || jsonb_build_object('due_at', $1::text))"
                " FROM jsonb_array_elements(body->'gates') gate))"
                " WHERE jsonb_array_length(body->'gates') > 0",
                past,
            )
        await self.execute("UPDATE gate SET due_at = $1", datetime.fromisoformat(past))
        repositories = {r.table().name: r for r in self.service.repositories}
        return await sweep_overdue(self.database, repositories)

    def client(
        self, *roles: str, sub: str = "u-1", name: str = "Ada Lovelace", teams: tuple[str, ...] = ()
    ) -> httpx.AsyncClient:
        """An HTTP client of someone with these roles; with none, of nobody."""
        headers = {}
        if roles:
            token = sign(
                KEY,
                self.settings.oidc_issuer,
                sub=sub,
                name=name,
                roles=list(roles),
                teams=list(teams),
                ttl_s=600,
            )
            headers["Authorization"] = f"Bearer {token}"
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers)

    async def empty(self) -> None:
        """Delete all rows, for the next test."""
        async with self.database.engine.begin() as connection:
            tables = await connection.exec_driver_sql(
                "SELECT string_agg(quote_ident(c.relname), ', ') FROM pg_class c"
                " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'"
                " AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
                " AND c.relname NOT IN ('alembic_version', 'outbox_shard')"
                " AND obj_description(c.oid) IS DISTINCT FROM 'seed'"
            )
            await connection.exec_driver_sql(f"TRUNCATE {tables.scalar_one()}")
        Policies.forget()

    async def close(self) -> None:
        """Give the database up."""
        await self.database.close()


@asynccontextmanager
async def over_http(app: FastAPI, *, port: int = 0) -> AsyncIterator[str]:
    """An application at a port of this machine, without what runs beside it."""
    config = uvicorn.Config(app, port=port, http=BoundedHttp, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def harness(service: Service, package: str) -> AsyncIterator[Harness]:
    """A service on a new, migrated database; both are gone afterwards."""
    name = f"t_{package}_{uuid4().hex[:8]}"
    dsn = create_database(name)
    url = dsn.replace("postgresql://", "postgresql+asyncpg://", 1)
    settings = Settings(
        service=service.name,
        environment="test",
        database_url=SecretStr(url),
        consume=False,
        link_secret=SecretStr("a secret of the tests, long enough"),
        instance="test",
        database_pool=5,
    )
    await upgrade(package, url)
    app = create_app(service, settings)
    app.state.authenticator.trust(KeySet([KEY]))
    under_test = Harness(service, settings, app, package)
    if service.on_start is not None:
        await service.on_start(under_test.database)
    try:
        yield under_test
    finally:
        await under_test.close()
        drop_database(name)
