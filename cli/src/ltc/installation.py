"""The whole installation as units and steps, in the order in which each needs the other."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from contracts.catalog import PARTITIONS
from local_infra.errors import MissingPrerequisite
from local_infra.kafka import Kafka
from local_infra.ports import require_free
from local_infra.postgres import Postgres, provision_sync
from local_infra.processes import run_sync
from local_infra.topics import answers, ensure_topics
from ltc.programs import Program, cluster, fork_server, issuer, migrate, service
from ltc.progress import Progress
from ltc.settings import SERVICES, SUBSCRIBERS, Settings
from ltc.supervisor import Supervisor, supervised

PARENT, FOUNDATION, STAGE, LISTENERS = -1, 0, 1, 2
"""Tiers: the subscribers stop first, then the services, then what they stand on, and last the fork
server, whose children they are."""


class Installation:
    """What is to run: some or all services, one or more instances of each, on topics of so many
    partitions."""

    def __init__(
        self,
        settings: Settings,
        *,
        only: Sequence[str] = (),
        instances: int = 1,
        partitions: int = PARTITIONS,
    ) -> None:
        self.settings = settings
        self.names = [name for name in SERVICES if not only or name in only]
        self.instances = instances
        self.partitions = partitions
        self._postgres = Postgres(settings.home, settings.pg_port)
        self._kafka = Kafka(settings.home, settings.kafka_port, settings.controller_port)

    async def bring_up(self, supervisor: Supervisor, progress: Progress) -> None:
        """Everything, as parallel as the order allows. Returns when all of it is ready.

        Raises CannotStart (or one of its kinds) with a message for people.
        """
        programs = self._programs()
        self._require_ports(programs)
        token_issuer = issuer(self.settings, os.environ)
        await self._fork_server(supervisor)
        await asyncio.gather(
            self._database(supervisor, progress),
            self._broker(supervisor, progress),
            supervisor.bring_up(token_issuer, tier=FOUNDATION),
        )
        await asyncio.gather(
            *(supervisor.bring_up(program, tier=tier) for tier, program in programs)
        )

    async def _fork_server(self, supervisor: Supervisor) -> None:
        """Start it first: it imports while PostgreSQL and Kafka start. A shared one is not ours to
        look after."""
        forks = fork_server(self.settings, os.environ)
        if forks is not None and forks.child.pid_file.parent == self.settings.run_dir:
            await supervisor.bring_up(forks, tier=PARENT)

    def _programs(self) -> list[tuple[int, Program]]:
        """Every instance with its tier; of each subscriber there is one."""
        counts = {name: 1 if name in SUBSCRIBERS else self.instances for name in self.names}
        return [
            (
                LISTENERS if name in SUBSCRIBERS else STAGE,
                service(self.settings, os.environ, name, instance),
            )
            for name, count in counts.items()
            for instance in range(1, count + 1)
        ]

    def _require_ports(self, programs: Sequence[tuple[int, Program]]) -> None:
        """Say that a port is taken before anything has been started."""
        wanted = {"the issuer": self.settings.issuer_port}
        if self.settings.postgres_dsn is None:
            wanted["PostgreSQL"] = self.settings.pg_port
        if self.settings.kafka_bootstrap is None:
            wanted["Kafka"] = self.settings.kafka_port
            wanted["Kafka's controller"] = self.settings.controller_port
        for purpose, port in wanted.items():
            require_free(port, purpose)
        for _, program in programs:
            require_free(program.port, program.name)

    async def _database(self, supervisor: Supervisor, progress: Progress) -> None:
        dsn = self.settings.postgres_dsn
        if dsn is None:
            await supervisor.bring_up(self._postgres, tier=FOUNDATION)
            dsn = self._postgres.admin_dsn
        began = time.monotonic()
        await supervisor.step(lambda: self._provision(dsn))
        progress.say("postgres", f"databases and roles after {time.monotonic() - began:.1f} s")
        began = time.monotonic()
        await supervisor.step(lambda: migrate(self.settings, self.names))
        progress.say("migrated", f"{len(self.names)} after {time.monotonic() - began:.1f} s")

    def _provision(self, dsn: str) -> None:
        try:
            provision_sync(dsn, SERVICES, self.settings.secret("roles"))
        except (OSError, asyncpg.PostgresError) as error:
            raise MissingPrerequisite(f"PostgreSQL cannot be provisioned: {error}") from error

    async def _broker(self, supervisor: Supervisor, progress: Progress) -> None:
        if self.settings.kafka_bootstrap is None:
            await supervisor.bring_up(_WithProgress(self._kafka, progress), tier=FOUNDATION)
        began = time.monotonic()
        await supervisor.step(self._create_topics)
        progress.say("kafka", f"topics after {time.monotonic() - began:.1f} s")

    def _create_topics(self) -> None:
        kafka = cluster(self.settings)
        if self.settings.kafka_bootstrap and not answers(kafka):
            raise MissingPrerequisite(f"no Kafka answers at {kafka} (LTC_KAFKA_BOOTSTRAP)")
        run_sync(ensure_topics(kafka, partitions=self.partitions))


class _WithProgress:
    """Kafka, whose first start fetches its jars and says how far it is."""

    def __init__(self, kafka: Kafka, progress: Progress) -> None:
        self._kafka = kafka
        self._progress = progress
        self.name = "kafka"

    def start(self) -> None:
        self._kafka.start(self._progress.fetched)

    def stop(self) -> None:
        self._kafka.stop()

    def running(self) -> bool:
        return self._kafka.running()


@asynccontextmanager
async def running(
    installation: Installation, progress: Progress | None = None
) -> AsyncIterator[Installation]:
    """The installation, ready and looked after; all of it is stopped at the end."""
    progress = progress or Progress()
    settings = installation.settings
    async with supervised(settings.run_dir, settings.log_dir, progress) as supervisor:
        await installation.bring_up(supervisor, progress)
        watching = asyncio.create_task(supervisor.watch())
        try:
            yield installation
        finally:
            watching.cancel()
