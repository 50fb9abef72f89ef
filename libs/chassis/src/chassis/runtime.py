"""What runs beside the HTTP server: relay, intake, due work, timers, watch."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.types import ASGIApp

from chassis import bulk, draining, kafka_connections, queues  # noqa: F401 - before any client is made
from chassis.batch import BatchProcessor
from chassis.clearing import Clearing
from chassis.consumer import Consumer
from chassis.db import Database
from chassis.due import Work, keep_up
from chassis.gates import ANY_OVERDUE, sweep_overdue
from chassis.idempotency import purge
from chassis.intake import Intake
from chassis.metrics import Metrics
from chassis.ops import bulk_runs
from chassis.relay import Relay
from chassis.relay_round import BACKLOG
from chassis.repository import Repository
from chassis.retries import Retries
from chassis.schema import KEEP_PARTITIONS
from chassis.settings import Settings
from chassis.timers import Timers, run_timer
from chassis.tries import Process
from chassis.vigil import Vigil

logger = logging.getLogger(__name__)

WATCH_S = 2.0
CANCEL_AGAIN_S = 5.0
"""Longer than what a task does when it is cancelled the first time."""
EXIT_NO_PROGRESS = 75
"""EX_TEMPFAIL: the process gave up waiting for itself; a supervisor starts a new one."""


@dataclass(frozen=True, slots=True)
class Service:
    """What makes one service: its name, doors, ears, clocks and tables."""

    name: str
    version: str
    router: APIRouter
    consumer: Consumer
    repositories: tuple[type[Repository[Any]], ...] = ()
    timers: Timers = field(default_factory=Timers)
    description: str = ""
    larger_bodies: dict[str, int] = field(default_factory=dict)
    """Paths that take more than the usual body, and how many bytes."""
    middleware: tuple[Callable[[ASGIApp], ASGIApp], ...] = ()
    """What looks at a request before its budget is charged, the last one first."""
    on_start: Callable[[Database], Awaitable[None]] | None = None
    background: tuple[Callable[[Runtime], Coroutine[Any, Any, None]], ...] = ()
    """What runs as long as the process serves, beside the rest, until it is cancelled."""
    clearings: Mapping[str, Clearing] = field(default_factory=dict)
    """By gate, what clears it."""


async def end(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel tasks until each has ended. Once is not enough: `asyncio.wait_for` of Python 3.11
    loses a cancellation that comes with what it waits for, and Kafka's client some of its own."""
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=CANCEL_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)


class Runtime:
    """The background half of one process. Starts without Kafka: the outbox absorbs its absence."""

    def __init__(
        self, service: Service, settings: Settings, database: Database, metrics: Metrics
    ) -> None:
        self.service = service
        self.settings = settings
        self.database = database
        self.metrics = metrics
        self.relay = Relay(
            database.relaying,
            cluster=settings.cluster(),
            client_id=f"{service.name}-relay-{settings.instance}",
            said=database.said,
            metrics=metrics,
            batch=settings.relay_batch,
        )
        self.processor = BatchProcessor(
            database, service.consumer, metrics, Process(service.version, settings.instance)
        )
        self.retries = Retries(database, service.consumer, self.processor)
        listens = settings.consume and bool(service.consumer.subscriptions)
        self.intake = (
            Intake(settings, service.consumer, self.processor, metrics) if listens else None
        )
        self.vigil = (
            Vigil(
                self.intake,
                engine=database.engine,
                cluster=settings.cluster(),
                group=service.consumer.group,
                topics=service.consumer.topics,
                metrics=metrics,
            )
            if self.intake
            else None
        )
        self.gauges = queues.Gauges()
        self.gauges.readers.append(partial(queues.report, database, metrics))
        self._hearing: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        if self.service.on_start is not None:
            await self.service.on_start(self.database)
        self._spawn(self.relay.run())
        self._spawn(keep_up(self.database.engine, self._works()))
        self._spawn(self._maintain())
        self._spawn(self._watch())
        for timer in self.service.timers.timers:
            if not timer.condition:
                self._spawn(run_timer(self.database, timer))
        for work in self.service.background:
            self._spawn(work(self))
        if self.intake is not None and self.vigil is not None:
            self._hearing = asyncio.create_task(self.vigil.run())
            self._spawn(self.intake.run_commits())
        # Live pydantic objects of a batch otherwise trigger the collector again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)

    async def stop(self) -> None:
        """Stop fetching, finish the batch, publish what was said, then let go of everything."""
        if self._hearing is not None:
            await end([self._hearing])
            await self._stop_hearing()
        await self.relay.stop()
        await end(self._tasks)
        await self.database.close()

    async def _stop_hearing(self) -> None:
        """Whatever Kafka's client says at the end, what was said is published and connections are
        closed after it: what was not committed comes again."""
        if self.intake is None or self.vigil is None:
            return
        try:
            await self.vigil.leave()
            await self.intake.stop()
        except Exception as error:
            logger.warning("the group was not left properly: %s: %s", type(error).__name__, error)

    def _spawn(self, work: Any) -> None:
        self._tasks.append(asyncio.create_task(work))

    def _works(self) -> list[Work]:
        """What the database is looked through for."""
        service, database = self.service, self.database
        group = service.consumer.group
        repositories = {r.table().name: r for r in service.repositories}
        works = [
            Work("relay", BACKLOG, wake=database.said),
            Work("gates", ANY_OVERDUE, partial(sweep_overdue, database, repositories)),
            *(t.work(database) for t in service.timers.timers if t.condition),
            bulk_runs.timer(group).work(database),
        ]
        if self.intake is not None:
            due = draining.any_due(group)
            works.append(Work("retries", due, self.retries.retry_due, wake=database.woken))
        return works

    async def _maintain(self) -> None:
        """Partitions ahead of time; hourly, because a day's first row must find its partition."""
        while True:
            try:
                async with bulk.begun(self.database.engine) as connection:
                    await bulk.execute(connection, KEEP_PARTITIONS)
                    await purge(connection, datetime.now(UTC))
            except Exception as error:
                logger.warning("partitions: %s: %s", type(error).__name__, error)
            await asyncio.sleep(3600)

    async def _watch(self) -> None:
        """Leave when messages wait and none is applied."""
        stuck_since: float | None = None
        while self.intake is not None:
            await asyncio.sleep(WATCH_S)
            lag = self.intake.lag()
            self.metrics.lag(lag, self.intake.lag_ages())
            now = time.monotonic()
            if lag == 0 or self.intake.applied_at > (stuck_since or now):
                stuck_since = None if lag == 0 else now
            elif stuck_since is None:
                stuck_since = now
            elif now - stuck_since > self.settings.no_progress_exit_s:
                logger.critical(
                    "%d messages wait and none was applied for %.0f s: leaving",
                    lag,
                    now - stuck_since,
                )
                os._exit(EXIT_NO_PROGRESS)
