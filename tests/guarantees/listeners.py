"""Those who listen from outside while the platform breaks: one a door, by the client that they
would install, each with its checkpoint and what it heard in one database of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx

import ltc_client
from chassis.issuer import mint
from local_infra.ports import free_port
from ltc.people import Person
from ltc.settings import HUB, STAGES
from ltc_client import Fact, InSql, Refused, Subscription, as_cloudevent
from ltc_client.doors import Arrival, Door
from testkit.deadline import DEADLINE_S
from testkit.installation.controlled import ControlledInstallation
from testkit.webhook_receiver import receiving
from tests.guarantees.misbehaving import Misbehaving

WHO = "board"
HEARD = """
CREATE TABLE IF NOT EXISTS heard (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, source TEXT NOT NULL, subject TEXT NOT NULL,
    sequence INTEGER NOT NULL, type TEXT NOT NULL, data TEXT NOT NULL)"""
AWAY_S = 1.0
"""How long a listener that fell is away; the platform goes on meanwhile."""
A_PAGE = 199
"""Of a page of the feed only the last fact moves the cursor: who falls within reads it again."""

Told = tuple[str, str, int, str, str]
"""Source, subject, sequence, type and content of a fact, whoever tells it."""


class Fell(Exception):
    """The program of a listener ended between its work and its commit."""


class Overhearing:
    """A door, and whatever comes through it: repeats too, which a subscription passes over."""

    def __init__(self, door: Door, listener: Listener) -> None:
        self._door = door
        self._listener = listener

    def __getattr__(self, name: str) -> Any:
        return getattr(self._door, name)

    async def next(self) -> Sequence[Arrival] | None:
        arrivals = await self._door.next()
        for arrival in arrivals or ():
            self._listener.overhear(arrival)
        return arrivals

    async def resume(self, positions: Mapping[str, str]) -> None:
        self._listener.resumed += 1
        await self._door.resume(positions)


class Listener:
    """A program of a subscriber: it writes each fact down together with how far it has come, falls
    when it is told to, and begins again from there."""

    def __init__(
        self, name: str, file: Path, subscribe: Callable[[InSql], Subscription], **promised: Any
    ) -> None:
        self.name = name
        self.in_order: bool = promised.get("in_order", True)
        self.again: int | None = promised.get("again", 0)
        """How many facts it may be given again when it begins again; none: any number."""
        self.resumed = self.fallen = self.read_again = self.repeats = 0
        self.whole_after_s = 0.0
        """From rest until it had heard everything, when that was last asked."""
        self.refusals: list[str] = []
        self.changed: list[str] = []
        """Repeats that said something else than what they repeat."""
        self._file = file
        self._subscribe = subscribe
        self._told: dict[str, dict[str, Any]] = {}
        self._places: dict[str, object] = {}
        self._kept: set[object] = set()
        self._heard = 0
        self._falls_at: set[int] = set()

    def fall(self, *after: int) -> None:
        """After so many facts from now: the last was written down then, and is not committed."""
        self._falls_at = {self._heard + each for each in after}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._listen()
            except Fell:
                self.fallen += 1
            except Refused as error:  # whoever runs programs starts them again
                self.refusals.append(str(error))
            await asyncio.sleep(AWAY_S)

    async def _listen(self) -> None:
        database = sqlite3.connect(self._file)
        try:
            # Programs fall here, the machine does not.
            database.execute("PRAGMA synchronous = OFF")
            database.execute(HEARD)
            facts = self._subscribe(InSql(database, self.name))
            facts._door = Overhearing(facts._door, self)
            async with facts:
                async for fact in facts:
                    self._write(database, fact)
                    facts.done(fact)
                    self._heard += 1
                    if self._heard in self._falls_at:
                        raise Fell
                    database.commit()
                    self._kept.add(self._places[str(fact.id)])
        finally:
            database.close()

    @staticmethod
    def _write(database: sqlite3.Connection, fact: Fact) -> None:
        database.execute(
            "INSERT INTO heard (id, source, subject, sequence, type, data)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                str(fact.id),
                fact.source,
                str(fact.subject),
                fact.sequence,
                fact.type,
                as_text(fact.data),
            ),
        )

    def overhear(self, arrival: Arrival) -> None:
        """Before anybody has sorted out what came already."""
        fact = arrival.fact
        if fact is None:
            return
        told, place = as_cloudevent(fact), (arrival.place, arrival.position or str(fact.id))
        known = self._told.setdefault(str(fact.id), told)
        self.repeats += known is not told
        if known != told:
            self.changed.append(f"{fact.id}: {known}, then {told}")
        self.read_again += place in self._kept
        self._places[str(fact.id)] = place

    def count(self) -> int:
        [(found,)] = self._rows("SELECT count(*) FROM heard")
        return int(found)

    def _rows(self, statement: str) -> list[Any]:
        with contextlib.closing(sqlite3.connect(self._file, timeout=10)) as database:
            database.execute(HEARD)
            return database.execute(statement).fetchall()

    def complaints(self, said: Mapping[str, Told]) -> list[str]:
        """What is not as it was promised."""
        rows = self._rows("SELECT id, source, subject, sequence, type, data FROM heard ORDER BY n")
        heard: dict[str, Told] = {row[0]: tuple(row[1:]) for row in rows}
        found = [
            f"missed {said[i][3]} {said[i][2]} of {said[i][1]}" for i in said if i not in heard
        ]
        found += [f"nobody said {i} {heard[i][:4]}" for i in heard if i not in said]
        found += [f"{i} is {t}, was {said[i]}" for i, t in heard.items() if t != said.get(i, t)]
        found += [f"a repeat differs: {words}" for words in self.changed]
        if self.in_order:
            found += _out_of_order(heard.values())
        if self.again is not None and self.read_again > self.resumed * self.again:
            found.append(f"{self.read_again} facts read again, begun {self.resumed} times")
        return [f"{self.name}: {each}" for each in found]

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.count()} facts, {self.repeats} repeats, fell {self.fallen} times,"
            f" refused {len(self.refusals)} times, whole {self.whole_after_s:.1f} s after rest"
        )


def _out_of_order(heard: Any) -> list[str]:
    last: dict[tuple[str, str], int] = defaultdict(int)
    found = []
    for source, subject, sequence, type_, _ in heard:
        before, last[source, subject] = last[source, subject], sequence
        if sequence < before:
            found.append(f"{type_} number {sequence} of {subject} came after number {before}")
    return found


def as_text(data: Any) -> str:
    return json.dumps(data, sort_keys=True)


def said_by_stages(rig: ControlledInstallation) -> dict[str, Told]:
    """Every fact that the stages keep as published, by its id."""
    return {
        str(row["id"]): (
            f"/ltc/{stage}-svc",
            row["aggregateid"],
            row["aggregate_version"],
            row["type"],
            as_text(json.loads(row["payload"])),
        )
        for stage in STAGES
        for row in rig.rows(stage, "SELECT * FROM event_log ORDER BY seq")
    }


class Listeners:
    """All of them, and the endpoint that misbehaves."""

    def __init__(self, rig: ControlledInstallation, front: Misbehaving) -> None:
        self._rig = rig
        self.front = front
        self.all: list[Listener] = []
        self._endpoints: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._http = httpx.AsyncClient(
            base_url=rig.settings.url(HUB),
            headers={"Authorization": f"Bearer {self.token()}"},
            timeout=DEADLINE_S,
        )

    def token(self) -> str:
        settings = self._rig.settings
        return mint(
            settings.key_file, settings.issuer, sub=WHO, name=WHO, roles=["subscriber"], ttl_s=7200
        )

    async def endpoint(self, port: int, *, ordered: bool) -> str:
        """One for every fact; its secret."""
        form = {"url": f"http://127.0.0.1:{port}/", "ordered": ordered}
        answer = await self._http.post("/endpoints", json=form)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        self._endpoints.append(made["id"])
        return str(made["secret"]["secret"])

    async def begin(self, folder: Path) -> None:
        settings, hub = self._rig.settings, self._rig.settings.url(HUB)
        with Person(settings, "admin-1", "Admin", "admin") as admin:
            whole = {"personal": True, "reason": "what it heard is compared with what was said"}
            await asyncio.to_thread(admin.put, HUB, f"/subscribers/{WHO}", whole)
        behind, alone = free_port(), free_port()
        ordered = await self.endpoint(self.front.port, ordered=True)
        unordered = await self.endpoint(alone, ordered=False)
        self.front.passes_on_to(behind)

        def feed(kept: InSql, *, stream: bool) -> Subscription:
            return ltc_client.feed(hub, checkpoint=kept, token=self.token, stream=stream)

        def listener(
            name: str, subscribe: Callable[[InSql], Subscription], **promised: Any
        ) -> Listener:
            return Listener(name, folder / f"{name}.db", subscribe, **promised)

        self.all = [
            listener("kafka", lambda k: ltc_client.kafka(self._rig.bootstrap, checkpoint=k)),
            listener("feed", lambda k: feed(k, stream=False), again=A_PAGE),
            listener("stream", lambda k: feed(k, stream=True)),
            listener(
                "ordered",
                lambda k: ltc_client.webhook(ordered, checkpoint=k, port=behind),
                again=None,
            ),
            listener(
                "unordered",
                lambda k: ltc_client.webhook(unordered, checkpoint=k, port=alone),
                in_order=False,
                again=None,
            ),
        ]
        self._tasks = [asyncio.create_task(each.run(), name=each.name) for each in self.all]

    def fall(self, chance: Random) -> None:
        """Each of them twice, in the midst of what it is going to hear."""
        for each in self.all:
            each.fall(chance.randint(10, 80), chance.randint(100, 200))

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        _, deaf = await asyncio.wait(self._tasks, timeout=DEADLINE_S)
        await self._http.aclose()
        assert not deaf, f"did not end when cancelled: {deaf}"

    @asynccontextmanager
    async def on_call(self) -> AsyncIterator[None]:
        """Meanwhile somebody tells the hub every second to go on with what waits: else a second
        attempt comes after five seconds and a third after five minutes."""

        async def go_on() -> None:
            while True:
                for endpoint in self._endpoints:
                    with contextlib.suppress(httpx.TransportError):
                        await self._http.post(f"/endpoints/{endpoint}/enable")
                await asyncio.sleep(1)

        task = asyncio.create_task(go_on())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def complaints(self, said: Mapping[str, Told]) -> list[str]:
        """Once everybody has heard everything, or nothing new for so long."""
        began = changed = time.monotonic()
        late, before = [*self.all], -1
        while late and time.monotonic() - changed < DEADLINE_S:
            for task in self._tasks:
                if task.done():
                    task.result()
            counts = {each: each.count() for each in late}
            if sum(counts.values()) != before:
                before, changed = sum(counts.values()), time.monotonic()
            for each in late:
                each.whole_after_s = time.monotonic() - began
            late = [each for each in late if counts[each] < len(said)]
            await asyncio.sleep(0.2)
        await asyncio.sleep(0.5)  # what comes too often would come now
        found = [words for each in self.all for words in each.complaints(said)]
        return [*found, *(f"ordered: {words}" for words in self.front.complaints())]


@asynccontextmanager
async def listening(rig: ControlledInstallation, seed: str) -> AsyncIterator[Listeners]:
    """Five of them, from the first fact on."""
    async with receiving() as receiver:
        front = Misbehaving(receiver, Random(seed))
        listeners = Listeners(rig, front)
        folder = rig.settings.home / "listeners"
        folder.mkdir()
        try:
            await listeners.begin(folder)
            yield listeners
        finally:
            await listeners.end()
            await front.close()
