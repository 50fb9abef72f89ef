"""Several instances of one service behind a balancer on its usual port, under load."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import httpx

from chassis.issuer import mint
from ltc.programs import Program, service
from testkit.balancer import Balancer
from testkit.deadline import DEADLINE_S
from testkit.installation.controlled import ControlledInstallation
from testkit.load import Load

MOST_UNDER_WAY = 60
"""Journeys between capture and cash: those of twenty seconds, ten times what is ever seen where
a machine keeps up."""
LET_GO_S = 1.0
"""Between leaving the rotation and SIGTERM: the chart's preStop, shortened."""
CALLS_PAUSE_S = 0.05
LISTS = {"quote": "/quotes", "lead": "/leads", "deal": "/deals", "contract": "/contracts",
         "order": "/orders", "billing": "/invoices"}  # fmt: skip
GAPS = """
SELECT coalesce(extract(epoch FROM max(gap)), 0)::float8 FROM (
  SELECT published_at - lag(published_at) OVER (ORDER BY published_at) AS gap FROM event_log
  WHERE published_at BETWEEN $1 AND $2) AS gaps
"""

COUNT_SETTLED = "SELECT count(*) FROM billing_account WHERE status = 'settled'"
CAPTURED = "SELECT journey_id, created_at FROM lead WHERE created_at BETWEEN $1 AND $2"
SETTLED = """
SELECT journey_id, updated_at FROM billing_account
WHERE status = 'settled' AND journey_id = ANY($1::uuid[])
"""


@dataclass
class Calls:
    """A caller that reads from the service all the time; every answer but 200 is a failure."""

    url: str
    token: str
    made: int = 0
    failed: list[str] = field(default_factory=list)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        over = threading.Event()

        def call() -> None:
            headers = {"Authorization": f"Bearer {self.token}", "Connection": "close"}
            with httpx.Client(headers=headers, timeout=DEADLINE_S) as client:
                while not over.wait(CALLS_PAUSE_S):
                    self._one(client)

        thread = threading.Thread(target=call, name="calls")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _one(self, client: httpx.Client) -> None:
        self.made += 1
        try:
            answer = client.get(self.url)
        except httpx.TransportError as error:
            self.failed.append(repr(error))
        else:
            if answer.status_code != 200:
                self.failed.append(f"{answer.status_code} {answer.text[:100]}")


class Ongoing(Load):
    """A load that goes on until it is told that it is over. It waits while too much is under way:
    a machine that cannot keep up is not to be buried, and says nothing about what is tested."""

    sent = 0
    settled: Callable[[], int]
    """How many journeys have reached cash."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.over = threading.Event()

    @classmethod
    def on(
        cls, installation: ControlledInstallation, per_s: float, *, keep_alive: bool = True
    ) -> Ongoing:
        """The guarantee tests' mix of requests, for an installation on its first data."""
        history = installation.settings.home / "history.ndjson"
        load = cls(
            installation.settings, history, 7, requests=0, per_s=per_s, keep_alive=keep_alive
        )
        load.settled = lambda: int(installation.rows("billing", COUNT_SETTLED)[0][0])
        return load

    async def _held_back(self) -> float:
        began = time.monotonic()
        while not self.over.is_set():
            under_way = len(self.accepted) - await asyncio.to_thread(self.settled)
            if under_way <= MOST_UNDER_WAY:
                break
            await asyncio.sleep(0.5)
        return time.monotonic() - began

    def _kinds(self) -> Iterator[str]:
        kinds = vars(self.mix)
        weights = [*kinds.values(), 100 - sum(kinds.values())]
        while not self.over.is_set():
            self.sent += 1
            yield self._random.choices([*kinds, "single"], weights)[0]

    def unanswered(self) -> list[str]:
        """Tries without an answer, also where a later one of the same request had one."""
        lines = self.history.lines()
        return [f"{a['op']}: {a.get('why')}" for a in lines if a["status"] == "unknown"]


class Fleet:
    """Instances of one service. Each is let go by the balancer before it is told to stop, as a
    cluster does."""

    def __init__(self, installation: ControlledInstallation, stage: str) -> None:
        self.installation = installation
        self.stage = stage
        self.balancer = Balancer(installation.settings.http_port(stage))
        self.running: list[Program] = []
        self.exits_s: list[float] = []
        """From SIGTERM to the end of each instance that was removed; the deadline where one did not
        end by itself."""
        self._instance = 1

    def add(self, environment: Mapping[str, str] | None = None) -> Program:
        """One more instance, in rotation once it is ready."""
        self._instance += 1
        plain = service(self.installation.settings, os.environ, self.stage, self._instance)
        program = replace(plain, env={**plain.env, **(environment or {})})
        program.start()
        self.running.append(program)
        self.balancer.targets.append(program.port)
        return program

    def remove_oldest(self) -> None:
        """Out of rotation, then SIGTERM; the time to its end is kept."""
        program = self.running.pop(0)
        self.balancer.targets.remove(program.port)
        time.sleep(LET_GO_S)
        began = time.monotonic()
        program.child.stop(timeout_s=DEADLINE_S)
        self.exits_s.append(round(time.monotonic() - began, 1))

    def calls(self) -> Calls:
        """A caller that lists what this service has."""
        settings = self.installation.settings
        token = mint(
            settings.key_file, settings.issuer, sub="caller", name="Caller", roles=["admin"],
            teams=[], ttl_s=3600,
        )  # fmt: skip
        return Calls(settings.url(self.stage) + LISTS[self.stage], token)

    def load(self, per_s: float) -> Ongoing:
        """Until it is told that it is over. Each request has a connection of its own, so that it
        goes where the balancer sends it."""
        return Ongoing.on(self.installation, per_s, keep_alive=False)

    def close(self) -> None:
        for program in self.running:
            program.stop()
        self.balancer.close()


def longest_gap_s(
    installation: ControlledInstallation, stage: str, begin: datetime, end: datetime
) -> float:
    """The longest time in which a service published nothing."""
    return round(float(installation.rows(stage, GAPS, begin, end)[0][0]), 2)


def slowest_journey_s(
    installation: ControlledInstallation, begin: datetime, end: datetime
) -> float:
    """The longest time from capture to cash of the journeys captured in between, once settled."""
    captured = dict(installation.rows("lead", CAPTURED, begin, end))
    settled = dict(installation.rows("billing", SETTLED, list(captured)))
    took = [(at - captured[journey]).total_seconds() for journey, at in settled.items()]
    return round(max(took, default=0.0), 2)


def now() -> datetime:
    return datetime.now(UTC)
