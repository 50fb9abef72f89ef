"""Bringing a consumer back to what its publishers have said, while it does not listen."""

from __future__ import annotations

import asyncio
import getpass
import importlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from pydantic import SecretStr

from chassis import positions
from chassis.audit import audit
from chassis.auth import Actor
from chassis.batch import BatchProcessor
from chassis.bulk import ask
from chassis.cluster import Cluster
from chassis.delivery import RawRecord, position_id
from chassis.failures import is_infrastructure
from chassis.metrics import Metrics
from chassis.retries import Retries
from chassis.runtime import Service
from chassis.settings import Settings
from chassis.tries import Process
from contracts.envelope import Envelope
from local_infra.errors import CannotStart
from ltc.rebuild.missing import Gap, Logs, Place, find_gap, memory_begins, plain
from ltc.rebuild.own import OwnFacts, Replay, enter_again, lift_versions, read_back, replaying

T = TypeVar("T")

LEAVES_WITHIN_S = 60.0
PATIENCE_S = 60.0
BATCH = 500
Say = Callable[[str], None]


@dataclass(frozen=True)
class Target:
    """The service to rebuild: its package, its database, and everybody's it hears."""

    package: str
    database_url: str
    publishers: Mapping[str, str]
    """Database by stage."""
    kafka: Cluster


@dataclass
class Outcome:
    """What was found and what was done."""

    service: str
    found: str | None = None
    published: int = 0
    missing: int = 0
    fed: int = 0
    parked: int = 0
    offsets_set: int = 0
    own_forgotten: int = 0
    own_said_again: int = 0
    own_said_otherwise: int = 0
    own_not_derived: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)
    versions_lifted: int = 0
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def complete(self) -> bool:
        """Whether the database is again what its topics tell."""
        return not self.own_not_derived and not self.parked


async def rebuild(target: Target, say: Say, *, reason: str) -> Outcome:
    """Feed a service what it has missed, and let it listen again from a place that fits.

    Raises CannotStart when it goes on listening or somebody else rebuilds it.
    """
    service: Service = importlib.import_module(f"{target.package}.main").service
    settings = Settings(
        service=service.name,
        database_url=SecretStr(target.database_url),
        kafka_bootstrap=target.kafka.bootstrap,
        consume=False,
        instance="rebuild",
    )
    began = time.monotonic()
    async with _alone(target, service.consumer.group, say):
        own = OwnFacts()
        database = replaying(settings, own)
        try:
            work = _Rebuild(target, service, database, own, say)
            outcome = await work.run()
            outcome.seconds = round(time.monotonic() - began, 1)
            await work.note(reason)
            return outcome
        finally:
            await database.close()


@asynccontextmanager
async def _alone(target: Target, group: str, say: Say) -> AsyncIterator[None]:
    """Hold the database for rebuilding: its service sees that and leaves its group, and comes back
    by itself when we are done or dead."""
    connection = await asyncpg.connect(plain(target.database_url))
    try:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", positions.REBUILD_LOCK):
            raise CannotStart(f"{group} is being rebuilt by somebody else")
        await _until_left(target.kafka, group, say)
        yield
    finally:
        await connection.close()


async def _until_left(cluster: Cluster, group: str, say: Say) -> None:
    admin = AIOKafkaAdminClient(**cluster.client())
    await admin.start()
    try:
        deadline = time.monotonic() + LEAVES_WITHIN_S
        told = False
        while True:
            [answer] = await admin.describe_consumer_groups([group])
            members = answer.groups[0][5]
            if not members:
                return
            if not told:
                say(f"waiting for {len(members)} instances of {group} to stop listening")
                told = True
            if time.monotonic() > deadline:
                raise CannotStart(
                    f"{group} still listens after {LEAVES_WITHIN_S:.0f} s: stop it, then try again"
                )
            await asyncio.sleep(0.5)
    finally:
        await admin.close()


class _Rebuild:
    """One rebuild at work."""

    def __init__(
        self, target: Target, service: Service, database: Replay, own: OwnFacts, say: Say
    ) -> None:
        self._target = target
        self._service = service
        self._database = database
        self._own = own
        self._say = say
        metrics = Metrics(service.name, instance="rebuild")
        self._processor = BatchProcessor(
            database, service.consumer, metrics, Process(service.version, "rebuild")
        )
        self._retries = Retries(database, service.consumer, self._processor)
        self.outcome = Outcome(service.name)

    async def run(self) -> Outcome:
        consumer, engine = self._service.consumer, self._database.engine
        if self._service.on_start is not None:
            await self._service.on_start(self._database)
        misfits = await self._examine()
        await self._recall()
        since = await memory_begins(engine, consumer.group)
        gap = await find_gap(engine, consumer, self._target.publishers, since)
        self.outcome.published, self.outcome.missing = gap.published, len(gap.places)
        self._say(f"{gap.published} facts published for {consumer.group}, {len(gap.places)} missed")
        await self._feed(gap)
        async with self._database.transaction() as tx:
            self.outcome.versions_lifted = await lift_versions(
                tx.connection, self._own, self._service.repositories
            )
        await self._place_offsets(misfits)
        await self._sum_up()
        return self.outcome

    async def _examine(self) -> list[Any]:
        consumer, engine = self._service.consumer, self._database.engine
        found = await positions.examine(self._target.kafka, consumer.group, consumer.topics)
        events = [at.event for at in found.values() if at.event is not None]
        gone = await positions.unknown(engine, consumer.group, events)
        self.outcome.found = positions.explain(consumer.group, found, gone)
        self._say(self.outcome.found or f"the offsets of {consumer.group} fit its database")
        if gone:
            return list(found)  # an older database: no offset can be trusted
        return positions.misfits(consumer.group, found, gone)

    async def _recall(self) -> None:
        """What the service had said and forgotten."""
        stage = self._service.name.removesuffix("-svc")
        if stage not in self._target.publishers:
            return
        read = await read_back(self._target.kafka, f"ltc.{stage}.v1", self._database.engine)
        for fact in read.facts:
            self._own.add(fact)
        self.outcome.own_forgotten = len(read.facts)
        if read.facts:
            self._say(f"{len(read.facts)} facts of its own were forgotten: entered again")
            async with self._database.transaction() as tx:
                await enter_again(tx.connection, self._own)

    async def _feed(self, gap: Gap) -> None:
        """The missing facts through the consumer's own path, in the order of each key."""
        logs = Logs(self._target.publishers)
        told = time.monotonic()
        try:
            for start in range(0, len(gap.places), BATCH):
                places: Sequence[Place] = gap.places[start : start + BATCH]
                records = await logs.records(places)
                for moment, batch in self._moments(records):
                    self._database.moment = moment
                    await self._patiently(partial(self._processor.process, batch))
                    await self._drain()
                self._database.moment = None
                self.outcome.fed += len(records)
                if time.monotonic() - told > 2:
                    told = time.monotonic()
                    self._say(f"{self.outcome.fed} of {len(gap.places)} fed")
            await self._drain()
        finally:
            await logs.close()

    async def _drain(self) -> None:
        """Try what waits parked and is due."""
        while await self._patiently(self._retries.retry_due):
            pass

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do a piece of work, and again while the surroundings are to blame: the service beside us
        may hold the same rows."""
        deadline = time.monotonic() + PATIENCE_S
        pause = 0.1
        while True:
            try:
                return await work()
            except Exception as error:
                if not is_infrastructure(error) or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)

    def _moments(
        self, records: Sequence[RawRecord]
    ) -> list[tuple[datetime | None, list[RawRecord]]]:
        """Facts that made us say something before are handled alone, at that time of day."""
        groups: list[tuple[datetime | None, list[RawRecord]]] = []
        for record in records:
            said = self._own.by_cause.get(_event_id(record))
            moment = said[0].envelope.time if said else None
            if groups and moment is None and groups[-1][0] is None:
                groups[-1][1].append(record)
            else:
                groups.append((moment, [record]))
        return groups

    async def _place_offsets(self, misfits: Sequence[Any]) -> None:
        """From the beginning of what the topic still holds: the inbox drops what is known."""
        consumer = self._service.consumer
        if not misfits:
            return
        at = (self._target.kafka, consumer.group, consumer.topics)
        async with positions.of_group(*at) as (client, _):
            await client.commit(await client.beginning_offsets(list(misfits)))
        self.outcome.offsets_set = len(misfits)

    async def _sum_up(self) -> None:
        parked = await ask(self._database.engine, "SELECT count(*) FROM parked_key")
        self.outcome.parked = parked[0][0]
        left = [fact for fact in self._own.facts if not fact.said_again]
        again = [fact for fact in self._own.facts if fact.said_again]
        self.outcome.own_said_again = len(again)
        self.outcome.own_said_otherwise = sum(not fact.same for fact in again)
        self.outcome.own_not_derived = dict(Counter(fact.envelope.type for fact in left))
        self.outcome.examples = [
            f"{fact.envelope.type} of {fact.number or fact.envelope.subject}" for fact in left[:10]
        ]

    async def note(self, reason: str) -> None:
        """Who did it and what came of it, in the service's audit."""
        actor = Actor.system("ltc rebuild")
        async with self._database.transaction(actor=actor) as tx:
            audit(
                tx,
                actor,
                "rebuild",
                "consumer",
                self._service.consumer.group,
                before={"found": self.outcome.found},
                after=self.outcome.as_dict(),
                reason=f"{getpass.getuser()}: {reason}",
            )


def _event_id(record: RawRecord) -> Any:
    try:
        return Envelope.from_headers(record.headers).id
    except ValueError:
        return position_id(record)
