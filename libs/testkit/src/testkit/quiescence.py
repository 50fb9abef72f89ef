"""Whether an installation has come to rest: nothing waits, and what was accepted is settled."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from contracts.catalog import PARTITIONS
from local_infra.processes import run_sync
from ltc.settings import SERVICES
from testkit.deadline import DEADLINE_S
from testkit.installation.base import Installation

LOOK_AGAIN_S = 0.4
CALM_S = 3.0
"""Longer than any pause of relay, intake, vigil or retry of what a test provokes."""
WAITING = """
SELECT (SELECT count(*) FROM outbox) AS outbox, (SELECT count(*) FROM outbox_dead) AS buried,
       (SELECT count(*) FROM parked_message WHERE state IN ('waiting', 'dead'))
       + (SELECT count(*) FROM parked_key) AS parked
"""
UNSETTLED = """
SELECT j.id FROM unnest($1::uuid[]) AS j(id) WHERE NOT EXISTS
  (SELECT 1 FROM billing_account b WHERE b.journey_id = j.id AND b.status = 'settled')
"""


@dataclass
class PendingWork:
    """What still waits, by service."""

    outbox: dict[str, int]
    buried: dict[str, int]
    parked: dict[str, int]
    lag: dict[str, int]
    unsettled: list[UUID]
    away: dict[str, str]
    """Who is not ready, or does not hear, in its own words."""

    def __bool__(self) -> bool:
        return any(getattr(self, part.name) for part in fields(self))


class NotQuiescent(AssertionError):
    """It did not come to rest in time; the message says what still waits."""


def quiesce(
    installation: Installation, journeys: Collection[UUID] = (), *, within_s: float = DEADLINE_S
) -> float:
    """Wait until nothing waits anywhere and these journeys are settled; the seconds it took. Given
    up when so long nothing has changed, or three times as long in all."""
    began = since = time.monotonic()
    last: Any
    before: Any = None
    while time.monotonic() - since < within_s and time.monotonic() - began < 3 * within_s:
        try:
            # The cheap question first: asking everything twice a second would be load as well.
            last = installation.rows("billing", UNSETTLED, list(journeys)) or pending_work(
                installation, journeys
            )
        except (OSError, asyncpg.PostgresError, KafkaError) as error:
            last = repr(error)
        else:
            if not last:
                return time.monotonic() - began
        if last != before:
            before, since = last, time.monotonic()
        time.sleep(LOOK_AGAIN_S)
    try:
        before = pending_work(installation, journeys)
    except (OSError, asyncpg.PostgresError, KafkaError) as error:
        before = error
    raise NotQuiescent(f"after {time.monotonic() - began:.0f} s: {before}")


def quiesces(
    installation: Installation, journeys: Collection[UUID], *, within_s: float = 20.0
) -> bool:
    """Like `quiesce` where something may be broken: also over when nothing has changed for a while.
    Says whether all is as it should be."""
    began = calm_since = time.monotonic()
    before: PendingWork | None = None
    while time.monotonic() - began < within_s:
        waiting = pending_work(installation, journeys)
        if not waiting:
            return True
        if waiting != before:
            calm_since, before = time.monotonic(), waiting
        if time.monotonic() - calm_since > CALM_S:
            break
        time.sleep(LOOK_AGAIN_S)
    return False


def pending_work(installation: Installation, journeys: Collection[UUID] = ()) -> PendingWork:
    """What waits at this moment."""
    found = run_sync(_look(installation, list(journeys)))
    for name in SERVICES:
        said = health(installation, name)
        if said != {**said, "status": "ready", "hearing": "yes"}:
            found.away[name] = said.get("status", "does not answer")
    return found


_HTTP = httpx.Client(timeout=2, trust_env=False)


def health(installation: Installation, name: str) -> dict[str, str]:
    """What a service says of itself; empty while nobody answers."""
    try:
        answer: dict[str, str] = _HTTP.get(f"{installation.settings.url(name)}/health/ready").json()
    except httpx.TransportError:
        return {}
    return answer


async def _look(installation: Installation, journeys: list[UUID]) -> PendingWork:
    found = PendingWork({}, {}, {}, {}, [], {})
    for name in SERVICES:
        connection = await asyncpg.connect(installation.dsn(name), timeout=DEADLINE_S)
        try:
            row = await connection.fetchrow(WAITING)
            for part in ("outbox", "buried", "parked"):
                if row[part]:
                    getattr(found, part)[name] = row[part]
            if name == "billing":
                found.unsettled = [r[0] for r in await connection.fetch(UNSETTLED, journeys)]
        finally:
            await connection.close()
    found.lag = await lags(installation)
    return found


async def lags(installation: Installation) -> dict[str, int]:
    """Records between each group's committed offsets and the ends of its topics; none for 0."""
    admin = AIOKafkaAdminClient(bootstrap_servers=installation.bootstrap)
    consumer = AIOKafkaConsumer(bootstrap_servers=installation.bootstrap)
    try:
        await admin.start()
        await consumer.start()
        behind: dict[str, int] = {}
        for name in SERVICES:
            listens = installation.service(name).consumer
            partitions = [TopicPartition(t, n) for t in listens.topics for n in range(PARTITIONS)]
            ends = await consumer.end_offsets(partitions)
            told = await admin.list_consumer_group_offsets(listens.group)
            lag = sum(ends[p] - max(0, told[p].offset if p in told else 0) for p in partitions)
            if lag:
                behind[name] = lag
        return behind
    finally:
        await consumer.stop()
        await admin.close()
