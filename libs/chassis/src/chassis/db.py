"""One service's database: the engine, and the only place where anything is committed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import orjson
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from chassis import bulk, failpoints
from chassis.auth import Actor
from chassis.settings import Settings
from chassis.transaction import Transaction


def _dumps(value: object) -> str:
    return orjson.dumps(value).decode()


def _engine(settings: Settings, pool_size: int, *, max_overflow: int, **server: str) -> AsyncEngine:
    return create_async_engine(
        settings.database_url.get_secret_value(),
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=10,
        pool_pre_ping=False,
        pool_use_lifo=True,  # a few connections with warm caches do all the work at rest
        json_serializer=_dumps,
        json_deserializer=orjson.loads,
        connect_args={
            "timeout": 5,
            "command_timeout": settings.statement_timeout_ms / 1000 + 5,
            "server_settings": {
                "application_name": settings.service or "ltc",
                "jit": "off",
                "statement_timeout": str(settings.statement_timeout_ms),
                "idle_in_transaction_session_timeout": "30000",
                "lock_timeout": "10000",
                **server,
            },
        },
    )


class Database:
    """The engine of one process. ``said`` is set after every commit that published a fact: the
    relay of the same process sleeps on it, so a fact leaves without waiting for a sweep."""

    unit: type[Transaction] = Transaction

    def __init__(self, settings: Settings) -> None:
        self.source = f"/ltc/{settings.service}"
        self.service = settings.service
        self.said = asyncio.Event()
        self.woken = asyncio.Event()
        self.engine = _engine(settings, settings.database_pool, max_overflow=4)
        # What a crash of the database takes back of a relay's work is only sent again under the
        # same id, and every inbox drops it; so a relay does not wait for the disk.
        self.relaying = bulk.autocommit(
            _engine(settings, 1, max_overflow=1, synchronous_commit="off")
        )
        self._units = bulk.autocommit(self.engine)

    @asynccontextmanager
    async def transaction(
        self, *, actor: Actor | None = None, now: datetime | None = None
    ) -> AsyncIterator[Transaction]:
        """One unit of work. Leaving the block flushes and commits; an exception rolls back."""
        async with bulk.begun(self._units) as connection:
            tx = self.unit(
                connection,
                now=now or datetime.now(UTC),
                actor=actor or Actor.system(self.service),
                source=self.source,
                database=self,
            )
            yield tx
            if tx.will_roll_back:
                await bulk.rollback(connection)
                return
            await tx.flush()
        failpoints.reached("after_commit", tx.said)
        if tx.said:
            self.said.set()
        if tx.woke:
            self.woken.set()
        for act in tx.after_commit:
            act()

    async def close(self) -> None:
        await self.engine.dispose()
        await self.relaying.dispose()
