"""An installation whose surroundings can fail: wires to broker and database, disks that fill up."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil

from local_infra.errors import CannotStart
from local_infra.kafka import Kafka
from local_infra.ports import free_block
from local_infra.postgres import SYSTEM_USER
from local_infra.processes import run_sync
from ltc.programs import Program
from ltc.settings import PROJECT
from testkit.deadline import DEADLINE_S
from testkit.installation import disks
from testkit.installation.controlled import NAMES, ControlledInstallation
from testkit.tcp_proxy import Network

FAULTY = ("-m", "testkit.launch_faulty")
SMALL = "order"
"""The service whose tables lie on a disk of their own."""


class ProxiedKafka(Kafka):
    """A broker with a listener for each service, advertised at the front of that service's wire."""

    def __init__(self, plain: Kafka, wires: dict[str, tuple[int, int]]) -> None:
        super().__init__(plain.home, plain.port, plain.controller_port)
        self._wires = wires

    def _write_config(self) -> None:
        super()._write_config()
        settings = dict(line.split("=", 1) for line in self.config.read_text().splitlines())
        protocols = ["PLAINTEXT:PLAINTEXT", "CONTROLLER:PLAINTEXT"]
        for name, (front, back) in self._wires.items():
            label = name.upper()
            settings["listeners"] += f",{label}://127.0.0.1:{back}"
            settings["advertised.listeners"] += f",{label}://127.0.0.1:{front}"
            protocols.append(f"{label}:PLAINTEXT")
        settings["listener.security.protocol.map"] = ",".join(protocols)
        settings["inter.broker.listener.name"] = "PLAINTEXT"
        settings["num.network.threads"] = "1"
        self.config.write_text("".join(f"{k}={v}\n" for k, v in settings.items()))


class FaultyInstallation(ControlledInstallation):
    """An installation whose services reach PostgreSQL and Kafka through wires of a `Network`."""

    def __init__(self, settings: Any) -> None:
        first = free_block(3 * len(NAMES))
        self.fronts = {
            f"{name}.{to}": first + 3 * n + side
            for n, name in enumerate(NAMES)
            for side, to in enumerate(("kafka", "postgres"))
        }
        self._listeners = {name: first + 3 * n + 2 for n, name in enumerate(NAMES)}
        self._locks: dict[str, threading.RLock] = defaultdict(threading.RLock)
        super().__init__(settings)
        self.kafka = ProxiedKafka(
            self.kafka,
            {name: (self.fronts[f"{name}.kafka"], self._listeners[name]) for name in NAMES},
        )
        self.units["kafka"] = self.kafka
        self.network = Network()
        self.watched = False
        self.no_disks: str | None = None
        """Why no disk can be made to fill up here; none when it can."""
        self.forged: set[str] = set()
        """Ids of records that a fault wrote to topics past their owners."""

    @classmethod
    def at(cls, name: str) -> FaultyInstallation:
        disks.unmount(PROJECT / ".ltc" / "guarantees" / name)
        made = super().at(name)
        assert isinstance(made, FaultyInstallation)
        return made

    def up(self, names: Sequence[str] = NAMES) -> None:
        self.no_disks = disks.mount((self.data_disk, self.small_disk, self.broker_disk))
        for name in NAMES:
            self.network.lay(f"{name}.kafka", self.fronts[f"{name}.kafka"], self._listeners[name])
            self.network.lay(
                f"{name}.postgres", self.fronts[f"{name}.postgres"], self.settings.pg_port
            )
        super().up(())
        if self.no_disks is None:
            run_sync(self._move_to_small_disk())
        self.start_all(names)

    def down(self) -> None:
        self.network.heal()
        super().down()
        self.network.close()
        disks.unmount(self.settings.home)

    # --- services through wires ----------------------------------------------------------------

    def _program(
        self,
        name: str,
        launcher: Sequence[str] = FAULTY,
        environment: dict[str, str] | None = None,
    ) -> Program:
        env = {"LTC_KAFKA_BOOTSTRAP": f"127.0.0.1:{self.fronts[f'{name}.kafka']}"}
        program = super()._program(name, launcher, {**env, **(environment or {})})
        url = urlsplit(program.env["LTC_DATABASE_URL"])
        front = f"{url.netloc.rpartition(':')[0]}:{self.fronts[f'{name}.postgres']}"
        assert isinstance(program.env, dict)
        program.env["LTC_DATABASE_URL"] = urlunsplit(url._replace(netloc=front))
        return program

    def start(self, name: str, *, launcher: Sequence[str] = FAULTY, **environment: str) -> None:
        """As without faults, and again while another fault keeps it from coming up."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            try:
                with self._locks[name]:
                    super().start(name, launcher=launcher, **environment)
            except CannotStart:
                if time.monotonic() > deadline:
                    raise
                self.stop(name)
                time.sleep(0.5)
            else:
                return

    def stop(self, name: str) -> None:
        with self._locks[name]:
            super().stop(name)

    def start_at_all(self, name: str) -> None:
        """Start a service that may not become ready, and do not wait for it."""
        with self._locks[name]:
            program = self.units[name] = self._program(name)
            program.launch()
            self._wanted.add(name)

    def _revive(self, name: str) -> None:
        with self._locks[name]:
            super()._revive(name)

    def kill_if_running(self, name: str) -> None:
        with contextlib.suppress(LookupError, psutil.Error):
            self.kill(name)

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """SIGSTOP until left. Another fault may have ended it by then."""
        with contextlib.suppress(LookupError, psutil.Error):
            self.pause(name)
        try:
            yield
        finally:
            with contextlib.suppress(LookupError, psutil.Error):
                self.resume(name)

    @contextmanager
    def watching(self, pause_s: float = 0.2) -> Iterator[None]:
        with super().watching(pause_s):
            self.watched = True
            try:
                yield
            finally:
                self.watched = False

    def back(self, name: str) -> None:
        """Start what a fault has ended, unless a watcher does; return when it is there."""
        deadline = time.monotonic() + DEADLINE_S
        while not self.running(name):
            if not self.watched:
                try:
                    with self._locks[name]:
                        self.units[name].start()
                except CannotStart:
                    if time.monotonic() > deadline:
                        raise
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} did not come back in {DEADLINE_S:.0f} s")
            time.sleep(0.1)

    # --- disks -------------------------------------------------------------------------------

    @property
    def data_disk(self) -> Path:
        return self.postgres.data

    @property
    def small_disk(self) -> Path:
        return self.settings.home / "small"

    @property
    def broker_disk(self) -> Path:
        return self.kafka.logs

    async def _move_to_small_disk(self) -> None:
        place = self.small_disk / "space"
        place.mkdir(mode=0o700)
        shutil.chown(place, SYSTEM_USER, SYSTEM_USER)
        admin = await asyncpg.connect(self.postgres.admin_dsn)
        try:
            await admin.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
            for database in (SMALL, f"{SMALL}_clean"):
                await admin.execute(f'ALTER DATABASE "{database}" SET TABLESPACE small')
        finally:
            await admin.close()

    def fill(self, disk: Path) -> None:
        """Leave no room on a disk. Fails when disks cannot be made here: nothing is skipped."""
        assert self.no_disks is None, self.no_disks
        disks.fill(disk)

    def make_room(self, disk: Path) -> None:
        disks.make_room(disk)
