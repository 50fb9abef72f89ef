"""One service replaced instance by instance under load, from N-1 to N and back, and what it cost.

N-1 is the committed tree; N is the same with ``patches/<stage>.patch``: a migration, an optional
field of a fact, and one of the API. Both run from source trees of their own, by PYTHONPATH. Callers
reach the service through a balancer that lets go of an instance before it is told to stop, as a
cluster does. The other services stay as they are and neither know nor need the new field.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx

from chassis.issuer import mint
from ltc.programs import Program, package_of, service, service_env
from ltc.settings import PROJECT
from tests.deploy.balancer import Balancer
from tests.guarantees.rig import NAMES, Rig

PATCHES = Path(__file__).parent / "patches"
LET_GO_S = 1.0
"""Between leaving the rotation and SIGTERM: the chart's preStop, shortened."""
CALLS_PAUSE_S = 0.05
GAPS = """
SELECT coalesce(extract(epoch FROM max(gap)), 0)::float8 FROM (
  SELECT published_at - lag(published_at) OVER (ORDER BY published_at) AS gap FROM event_log
  WHERE published_at BETWEEN $1 AND $2) AS gaps
"""


def tree(folder: Path, patch: Path | None) -> Path:
    """The committed sources, with a patch applied."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    packed = subprocess.run(
        ["git", "archive", "HEAD", "libs", "services"], cwd=PROJECT, capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    if patch is not None:
        subprocess.run(["patch", "-p1", "-s", "-i", str(patch)], cwd=folder, check=True)
    return folder


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
            with httpx.Client(headers=headers, timeout=10) as client:
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


class Rollout:
    """Two instances of one service behind a balancer on its usual port."""

    def __init__(self, rig: Rig, stage: str) -> None:
        self.rig = rig
        self.stage = stage
        home = rig.settings.home / "trees" / stage
        self.trees = {
            "N-1": tree(home / "before", None),
            "N": tree(home / "after", PATCHES / f"{stage}.patch"),
        }
        self.balancer = Balancer(rig.settings.http_port(stage))
        self.running: list[Program] = []
        self.exits_s: list[float] = []
        self.migrations_s: list[float] = []
        self._instance = 1

    def migrate(self, version: str) -> None:
        """The deploy step of a version, beside whatever serves."""
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "chassis.migrate", package_of(self.stage)],
            env=self._environment(version),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        self.migrations_s.append(round(time.monotonic() - began, 1))

    def add(self, version: str) -> str:
        """One more instance, in rotation once it is ready; returns the version it says it is."""
        self._instance += 1
        plain = service(self.rig.settings, os.environ, self.stage, self._instance)
        command = [sys.executable, "-m", "chassis.serve", package_of(self.stage)]
        env = {**plain.env, **self._environment(version)}
        env |= {name: plain.env[name] for name in ("LTC_HTTP_PORT", "LTC_INSTANCE")}
        program = replace(plain, command=command, env=env)
        program.start()
        self.running.append(program)
        self.balancer.targets.append(program.port)
        return str(httpx.get(f"http://127.0.0.1:{program.port}/health/ready").json()["version"])

    def remove_oldest(self) -> None:
        """Out of rotation, then SIGTERM; the time to its end is kept."""
        program = self.running.pop(0)
        self.balancer.targets.remove(program.port)
        time.sleep(LET_GO_S)
        began = time.monotonic()
        program.stop()
        self.exits_s.append(round(time.monotonic() - began, 1))

    def replace_all(self, version: str, side_by_side_s: float) -> list[str]:
        """Every instance by one of another version, one after the other."""
        said = []
        for _ in range(len(self.running)):
            said.append(self.add(version))
            self.remove_oldest()
            time.sleep(side_by_side_s)
        return said

    def longest_gap_s(self, begin: datetime, end: datetime) -> float:
        """The longest time in which this service published nothing."""
        return round(float(self.rig.rows(self.stage, GAPS, begin, end)[0][0]), 2)

    def token(self) -> str:
        settings = self.rig.settings
        return mint(
            settings.key_file, settings.issuer, sub="caller", name="Caller", roles=["admin"],
            teams=[], ttl_s=3600,
        )  # fmt: skip

    def close(self) -> None:
        for program in self.running:
            program.stop()
        self.balancer.close()

    def _environment(self, version: str) -> dict[str, str]:
        folder = self.trees[version]
        paths = [*folder.glob("libs/*/src"), *folder.glob("services/*/src")]
        given = service_env(self.rig.settings, os.environ, self.stage)
        return {**given, "PYTHONPATH": os.pathsep.join(map(str, paths))}


@contextmanager
def rolling(rig: Rig, stage: str) -> Iterator[Rollout]:
    """The installation with two N-1 instances of a service behind a balancer."""
    rig.up([name for name in NAMES if name != stage])
    rollout = Rollout(rig, stage)
    try:
        rollout.add("N-1")
        rollout.add("N-1")
        yield rollout
    finally:
        rollout.close()


def now() -> datetime:
    return datetime.now(UTC)
