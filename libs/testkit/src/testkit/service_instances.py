"""Services in this process against real PostgreSQL and Kafka, several instances of each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition
from fastapi import FastAPI
from joserfc.jwk import KeySet
from pydantic import SecretStr

from chassis.app import create_app
from chassis.cluster import Cluster
from chassis.migrate import ensure_group_offsets, upgrade
from chassis.runtime import Service
from chassis.settings import Settings
from contracts.catalog import PARTITIONS
from testkit.deadline import DEADLINE_S
from testkit.harness import KEY, Harness
from testkit.servers import create_database, drop_database, kafka_bootstrap


async def start_at_end(bootstrap: str, group: str, topics: list[str]) -> None:
    """Let a group begin after what earlier tests left on the topics."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(t, n) for t in topics for n in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.commit(await consumer.end_offsets(partitions))
    finally:
        await consumer.stop()


class Running:
    """The instances of one service, and the harness that looks into its database."""

    def __init__(
        self, service: Service, settings: Settings, package: str, apps: list[FastAPI]
    ) -> None:
        self.apps = apps
        self.harness = Harness(service, settings, apps[0], package)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.harness, name)


@asynccontextmanager
async def running(
    service: Service,
    package: str,
    *,
    instances: int = 1,
    bootstrap: str | None = None,
    **changes: Any,
) -> AsyncIterator[Running]:
    """Migrate a new database, start the instances, stop them gracefully afterwards. On the shared
    broker, unless one is given."""
    bootstrap = bootstrap or kafka_bootstrap()
    name = f"t_{package}_{uuid4().hex[:8]}"
    url = create_database(name).replace("postgresql://", "postgresql+asyncpg://", 1)
    await upgrade(package, url)
    if service.consumer.subscriptions:
        await start_at_end(bootstrap, service.consumer.group, service.consumer.topics)
        await ensure_group_offsets(url, Cluster(bootstrap), service.consumer)
    apps: list[FastAPI] = []
    try:
        async with AsyncExitStack() as stack:
            for n in range(instances):
                settings = Settings(
                    service=service.name,
                    environment="test",
                    database_url=SecretStr(url),
                    kafka_bootstrap=bootstrap,
                    link_secret=SecretStr("a secret of the tests, long enough"),
                    instance=f"{n}",
                    database_pool=5,
                    **changes,
                )
                app = create_app(service, settings)
                app.state.authenticator.trust(KeySet([KEY]))
                await stack.enter_async_context(app.router.lifespan_context(app))
                apps.append(app)
            yield Running(service, settings, package, apps)
    finally:
        drop_database(name)


async def eventually(check: Callable[[], Awaitable[Any]], wanted: Any) -> Any:
    """Poll until the check answers what is wanted; the last answer is what fails the test."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        found = await check()
        if found == wanted or time.monotonic() > deadline:
            assert found == wanted
            return found
        await asyncio.sleep(0.05)
