"""Keeps a set of units up: starts them, revives what dies, stops them tier by tier in reverse.

Children run in sessions of their own and are not tied to our life: a supervisor that is killed
must not take six services down with it in the middle of their work. They leave pid files (pid and
start time), by which the next ``ltc up`` or ``ltc down`` finds and ends what was left behind.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol

from local_infra.errors import CannotStart
from local_infra.processes import Child
from ltc.progress import Progress

SWEEP_S = 0.3
LONGEST_PAUSE_S = 30.0
CALM_S = 60.0
"""A unit that ran this long before it died is revived after the shortest pause again."""
LAST_TO_STOP = ("issuer", "kafka", "postgres", "fork-server")


class Unit(Protocol):
    """Something that runs. ``start`` returns when it is ready, ``stop`` when it is gone."""

    @property
    def name(self) -> str: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def running(self) -> bool: ...


class AlreadyRunning(CannotStart):
    """Another supervisor looks after this installation."""

    exit_code = 2


class Supervisor:
    """Owns the units it brought up until it is told to stop."""

    def __init__(self, run_dir: Path, progress: Progress) -> None:
        self._run_dir = run_dir
        self._progress = progress
        self._tiers: dict[int, list[Unit]] = {}
        self._failures: dict[str, int] = {}
        self._up_since: dict[str, float] = {}
        self._reviving: dict[str, asyncio.Task[None]] = {}
        self._threads = ThreadPoolExecutor(32, thread_name_prefix="supervisor")
        self._in_flight: set[Future[None]] = set()
        self._stopping = False

    async def bring_up(self, unit: Unit, *, tier: int) -> None:
        """Start a unit. Higher tiers stop first."""
        began = time.monotonic()
        self._tiers.setdefault(tier, []).append(unit)
        await self.step(unit.start)
        self._up_since[unit.name] = time.monotonic()
        self._progress.say(unit.name, f"ready after {time.monotonic() - began:.1f} s")

    async def step(self, work: Callable[[], None]) -> None:
        """Do blocking work in a thread. One that has begun is not abandoned: stop waits for it."""
        if self._stopping:
            raise CannotStart("we are stopping")
        future = self._threads.submit(work)
        self._in_flight.add(future)
        future.add_done_callback(self._in_flight.discard)
        await asyncio.shield(asyncio.wrap_future(future))

    async def watch(self) -> None:
        """Revive whatever dies, until cancelled."""
        while True:
            for unit in [unit for units in self._tiers.values() for unit in units]:
                if unit.name not in self._reviving and not unit.running():
                    task = asyncio.create_task(self._revive(unit))
                    self._reviving[unit.name] = task
            await asyncio.sleep(SWEEP_S)

    async def _revive(self, unit: Unit) -> None:
        """Start a unit again, after 1, 2, 4 … 30 s unless somebody asked for the restart."""
        asked = restart_marker(self._run_dir, unit.name)
        if asked.exists():
            asked.unlink()
            self._failures[unit.name] = 0
        else:
            if time.monotonic() - self._up_since.get(unit.name, 0) > CALM_S:
                self._failures[unit.name] = 0
            await self._pause(unit, "ended unexpectedly")
        while True:
            try:
                await self.step(unit.start)
            except Exception as error:  # whatever keeps it down now may be over in a while
                await self._pause(unit, str(error))
            else:
                self._up_since[unit.name] = time.monotonic()
                self._progress.say(unit.name, "ready again")
                break
        del self._reviving[unit.name]

    async def _pause(self, unit: Unit, why: str) -> None:
        failures = self._failures.get(unit.name, 0)
        self._failures[unit.name] = failures + 1
        pause_s = min(2.0**failures, LONGEST_PAUSE_S)
        self._progress.say(unit.name, f"{why}; starting again in {pause_s:.0f} s", style="red")
        await asyncio.sleep(pause_s)

    async def stop(self) -> None:
        """Stop everything, highest tier first. Work that had begun in a thread is waited for, and
        what it started in the meantime is stopped as well."""
        self._stopping = True
        for task in self._reviving.values():
            task.cancel()
        await self._stop_units()
        if self._in_flight:
            begun = [asyncio.wrap_future(future) for future in self._in_flight]
            await asyncio.gather(*begun, return_exceptions=True)
            await self._stop_units()
        self._threads.shutdown()

    async def _stop_units(self) -> None:
        loop = asyncio.get_running_loop()
        for tier in sorted(self._tiers, reverse=True):
            running = [unit for unit in self._tiers[tier] if unit.running()]
            stops = [loop.run_in_executor(self._threads, unit.stop) for unit in running]
            await asyncio.gather(*stops)
            if running:
                self._progress.say("stopped", ", ".join(unit.name for unit in running))


@asynccontextmanager
async def supervised(run_dir: Path, log_dir: Path, progress: Progress) -> AsyncIterator[Supervisor]:
    """A supervisor that holds the installation, has cleared what a killed one left, and stops all
    it brought up at the end. Raises AlreadyRunning when another one is at work."""
    with held(run_dir):
        Child("supervisor", run_dir, log_dir).note(os.getpid())
        cleared = await asyncio.to_thread(clear_leftovers, run_dir, log_dir)
        if cleared:
            progress.say("cleared", f"left behind by an earlier run: {', '.join(cleared)}")
        supervisor = Supervisor(run_dir, progress)
        try:
            yield supervisor
        finally:
            await supervisor.stop()
            Child("supervisor", run_dir, log_dir).pid_file.unlink(missing_ok=True)


def clear_leftovers(run_dir: Path, log_dir: Path) -> list[str]:
    """End every process noted in an installation whose supervisor is gone: services first, then
    what they stand on. Returns the names of those that were running."""
    found = {file.stem for file in run_dir.glob("*.pid")} - {"supervisor"}
    first = [Child(name, run_dir, log_dir) for name in sorted(found - set(LAST_TO_STOP))]
    with ThreadPoolExecutor(16) as threads:
        cleared = [
            c.name for c, ran in zip(first, threads.map(Child.stop, first), strict=True) if ran
        ]
    for name in LAST_TO_STOP:
        # PostgreSQL's fast shutdown is SIGINT; SIGTERM would wait for its clients.
        wanted = signal.SIGINT if name == "postgres" else signal.SIGTERM
        if Child(name, run_dir, log_dir).stop(sig=wanted):
            cleared.append(name)
    for marker in run_dir.glob("*.restart"):
        marker.unlink()
    return cleared


def restart_marker(run_dir: Path, name: str) -> Path:
    """Exists while somebody has asked for a restart that the supervisor has not yet seen."""
    return run_dir / f"{name}.restart"


@contextmanager
def held(run_dir: Path) -> Iterator[None]:
    """Hold an installation: one supervisor at a time. A killed holder lets go by dying."""
    run_dir.mkdir(parents=True, exist_ok=True)
    with (run_dir / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning("it is running already: see `ltc status`") from error
        yield
