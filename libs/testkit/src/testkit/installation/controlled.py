"""An installation whose processes the test itself starts, kills, pauses and restarts.

The same programs, settings and durable PostgreSQL as `ltc up` starts, without its supervisor: a
test decides what dies, when, and as what it comes back.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from chassis.cluster import Cluster
from local_infra.kafka import Kafka
from local_infra.ports import free_block, free_port
from local_infra.postgres import Postgres, provision_sync
from local_infra.processes import run_sync
from local_infra.topics import ensure_topics
from ltc.programs import Program, issuer, migrate, package_of, service
from ltc.settings import PROJECT, SERVICES, Settings
from ltc.supervisor import Unit, clear_leftovers
from testkit.installation import clean_state
from testkit.installation.base import Installation

logger = logging.getLogger(__name__)

NAMES = SERVICES
LAUNCHER = ("-m", "testkit.launch")
"""Serves like ``chassis.serve``, and can be told to die at a point (`arm`)."""


class ControlledInstallation(Installation):
    """One installation. Units: ``postgres``, ``kafka``, ``issuer``, the six stages, ``console``,
    ``hub``."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.postgres = Postgres(settings.home, settings.pg_port)
        self.kafka = Kafka(settings.home, settings.kafka_port, settings.controller_port)
        self.units: dict[str, Unit] = {
            "postgres": self.postgres,
            "kafka": self.kafka,
            "issuer": issuer(settings, os.environ),
        }
        self._wanted: set[str] = set()
        self._paused: dict[str, list[psutil.Process]] = {}
        self._changing = threading.RLock()
        for name in NAMES:
            self.units[name] = self._program(name)

    @classmethod
    def at(cls, name: str) -> ControlledInstallation:
        """A new installation in this checkout, on the ports that ``LTC_PG_PORT``,
        ``LTC_KAFKA_PORT`` and ``LTC_PORT_BASE`` name, else on free ones; what an earlier one of
        that name left behind is ended and deleted."""
        home = PROJECT / ".ltc" / "guarantees" / name
        clear_leftovers(home / "run", home / "logs")
        shutil.rmtree(home, ignore_errors=True)
        given = Settings.from_env()
        return cls(
            Settings(
                home,
                given.pg_port if "LTC_PG_PORT" in os.environ else free_port(),
                given.kafka_port if "LTC_KAFKA_PORT" in os.environ else free_block(2),
                given.port_base if "LTC_PORT_BASE" in os.environ else free_block(12),
            )
        )

    # --- the whole ---------------------------------------------------------------------------

    def up(self, names: Sequence[str] = NAMES) -> None:
        """Everything, ready. The clean state that `reset` returns to is kept."""
        self.start_foundation()
        names_of_all = list(NAMES)
        provision_sync(self.postgres.admin_dsn, names_of_all, self.settings.secret("roles"))
        migrate(self.settings, names_of_all)
        run_sync(clean_state.keep_clean(self.postgres.admin_dsn, names_of_all))
        self.start_all(names)

    def start_foundation(self) -> None:
        self.start_all(("postgres", "kafka", "issuer"))
        run_sync(ensure_topics(Cluster(self.bootstrap)))

    def down(self) -> None:
        """Stop everything: services first."""
        self.stop_all(NAMES)
        self.stop_all(("issuer", "kafka", "postgres"))

    def reset(self, stopping: Sequence[str] = NAMES) -> None:
        """Databases, topics and offsets as after `up`; the servers are left running. The named
        services are stopped: start what you need afterwards. The others go on and must be at rest:
        they lose their connections, as they do when a database fails over."""
        self.stop_all(stopping)
        consumers = {name: self.service(name).consumer for name in NAMES}
        stopped = {consumers[n].group: consumers[n].topics for n in stopping if n in NAMES}
        living = {n: consumers[n].group for n in NAMES if n not in stopping}
        run_sync(
            clean_state.clean(self.postgres.admin_dsn, self.bootstrap, list(NAMES), stopped, living)
        )

    @contextmanager
    def watching(self, pause_s: float = 0.2) -> Iterator[None]:
        """Meanwhile, whatever dies is started again the way it was last started."""
        over = threading.Event()

        def watch() -> None:
            with ThreadPoolExecutor(len(self.units)) as pool:
                while not over.wait(pause_s):
                    list(pool.map(self._revive, sorted(self._wanted)))

        thread = threading.Thread(target=watch, name="reviver")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    # --- one unit ----------------------------------------------------------------------------

    def start(self, name: str, *, launcher: Sequence[str] = LAUNCHER, **environment: str) -> None:
        """Start one unit and wait until it is ready. A service may get another launcher (the words
        between ``python`` and its package) and more environment; the next start keeps neither."""
        if name in NAMES:
            self.units[name] = self._program(name, launcher, environment)
        self.units[name].start()
        self._wanted.add(name)

    def stop(self, name: str) -> None:
        """As a supervisor would: SIGTERM, time to finish, then SIGKILL."""
        self._wanted.discard(name)
        self.units[name].stop()

    def kill(self, name: str) -> int:
        """SIGKILL, at once; returns the pid. Without `watching` it stays dead."""
        process = self.process(name)
        process.kill()
        process.wait(10)
        return process.pid

    def pause(self, name: str) -> None:
        """SIGSTOP, PostgreSQL with its children."""
        process = self.process(name)
        self._paused[name] = [process, *process.children(recursive=True)]
        for each in self._paused[name]:
            each.suspend()

    def resume(self, name: str) -> None:
        """SIGCONT to those that were paused, also where their parent was killed meanwhile: a
        backend that stands still keeps the memory without which no new server starts."""
        for each in self._paused.pop(name, ()):
            with contextlib.suppress(psutil.NoSuchProcess):
                each.resume()

    def restart(self, name: str, **how: Any) -> None:
        self.stop(name)
        self.start(name, **how)

    def redeploy(self, name: str) -> None:
        """Stop, and start the way it was last started."""
        self.stop(name)
        self.units[name].start()
        self._wanted.add(name)

    def running(self, name: str) -> bool:
        return self.units[name].running()

    def start_all(self, names: Sequence[str]) -> None:
        self._each(self.start, names)

    def stop_all(self, names: Sequence[str]) -> None:
        self._each(self.stop, names)

    # --- dying at a point --------------------------------------------------------------------

    def arm(self, name: str, point: str, nth: int = 1) -> None:
        """Have a running service kill itself at the n-th hit of a failpoint from now on."""
        file = self.armed_file(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        self.hit_file(name).unlink(missing_ok=True)
        draft = file.with_suffix(".new")
        draft.write_text(json.dumps({"point": point, "nth": nth}))
        draft.replace(file)

    def disarm(self, name: str) -> None:
        self.armed_file(name).unlink(missing_ok=True)

    def armed_file(self, name: str) -> Path:
        return self.settings.home / "failpoints" / f"{name}.armed"

    def hit_file(self, name: str) -> Path:
        """Written by a process in the moment before it kills itself: its pid and the point."""
        return self.settings.home / "failpoints" / f"{name}.hit"

    # --- inside ------------------------------------------------------------------------------

    def _program(
        self,
        name: str,
        launcher: Sequence[str] = LAUNCHER,
        environment: dict[str, str] | None = None,
    ) -> Program:
        program = service(self.settings, os.environ, name)
        command = [sys.executable, *launcher, package_of(name)]
        env = {
            **program.env,
            "PYTHONPATH": str(PROJECT),
            "LTC_TEST_FAILPOINTS": str(self.settings.home / "failpoints" / name),
            **(environment or {}),
        }
        # What a planted bug or fault changes in memory must be changed before modules are imported.
        planted = any(key.startswith("LTC_TEST_") for key in environment or {})
        return replace(program, command=command, env=env, forks=None if planted else program.forks)

    def _revive(self, name: str) -> None:
        if not self.units[name].running() and name in self._wanted:
            try:
                self.units[name].start()
            except Exception as error:  # what it stands on may be dead as well: soon again
                logger.warning("%s did not come back yet: %s", name, error)

    def _each(self, work: Callable[[str], None], names: Sequence[str]) -> None:
        with ThreadPoolExecutor(len(NAMES)) as pool:
            list(pool.map(work, names))
