"""Child processes that outlive whoever started them, found again by pid *and* start time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import psutil

from local_infra.errors import CannotStart as CannotStart
from local_infra.forking.protocol import Start
from local_infra.ports import is_open as is_open
from local_infra.ports import require_free as require_free

if TYPE_CHECKING:
    from local_infra.forking.client import ForkServer

T = TypeVar("T")

LARGEST_LOG_BYTES = 20 * 1024 * 1024
READY_WITHIN_S = 180.0
"""For whatever is started. Long, because a busy machine may give a JVM a tenth of a core; what
ended on the way is noticed at once."""


def run_sync(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also from code that a running loop has called."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


class Child:
    """One process with its pid file and log. A pid that was recycled is never taken for ours."""

    def __init__(self, name: str, run_dir: Path, log_dir: Path) -> None:
        self.name = name
        self.pid_file = run_dir / f"{name}.pid"
        self.log_file = log_dir / f"{name}.log"

    def process(self) -> psutil.Process | None:
        """The running process, whoever started it; none when it is gone."""
        try:
            noted = json.loads(self.pid_file.read_text())
            process = psutil.Process(noted["pid"])
            if process.status() == psutil.STATUS_ZOMBIE:
                _reap(process.pid)
            elif abs(process.create_time() - noted["started"]) < 2:
                return process
        except (OSError, ValueError, KeyError, psutil.Error):
            pass
        return None

    def note(self, pid: int) -> psutil.Process:
        """Remember a process as this child: its pid and when it started."""
        process = psutil.Process(pid)
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        draft = self.pid_file.with_suffix(f".{os.getpid()}.new")
        draft.write_text(json.dumps({"pid": pid, "started": process.create_time()}))
        draft.replace(self.pid_file)
        return process

    def start(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        folder: str | None = None,
        forks: ForkServer | None = None,
    ) -> psutil.Process:
        """Start detached in a session of its own, so that it survives us until it is told. Its
        environment and folder are those given, else ours. A fork server forks it where it can."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        if self.log_file.exists() and self.log_file.stat().st_size > LARGEST_LOG_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        with self.log_file.open("ab") as log, Path(os.devnull).open("rb") as nothing:
            if forks is not None:
                files = (nothing.fileno(), log.fileno(), log.fileno())
                environment = os.environ if env is None else env
                start = Start(command, environment, folder or str(Path.cwd()), files=files)
                forked = forks.launch(start, self.note)
                if forked is not None:
                    return forked
            started = subprocess.Popen(
                list(command),
                stdin=nothing,
                stdout=log,
                stderr=log,
                env=None if env is None else dict(env),
                cwd=folder,
                start_new_session=True,
                user=user,
                group=user,
                extra_groups=[] if user else None,
            )
        started.returncode = 0  # nobody waits for it: it is meant to outlive us, without a warning
        return self.note(started.pid)

    def stop(self, *, timeout_s: float = 15.0, sig: signal.Signals = signal.SIGTERM) -> bool:
        """Ask to stop, then insist. True when something was running."""
        process = self.process()
        if process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(sig)
                try:
                    process.wait(timeout_s)
                except psutil.TimeoutExpired:
                    process.kill()
                    process.wait(5)
        self.pid_file.unlink(missing_ok=True)
        return process is not None

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        if not self.log_file.exists():
            return ""
        with self.log_file.open("rb") as log:
            log.seek(max(0, self.log_file.stat().st_size - 64 * 1024))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])


def _reap(pid: int) -> None:
    """Take the exit status of a child of ours that has ended; a stranger's is not ours to take."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def wait_until(
    check: Callable[[], bool],
    *,
    child: Child,
    what: str,
    timeout_s: float = READY_WITHIN_S,
    pause_s: float = 0.05,
) -> None:
    """Poll until the check is true. Raises CannotStart with the end of the child's log."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if check():
            return
        if child.process() is None:
            raise CannotStart(f"{what} ended at once; the end of {child.log_file}:\n{child.tail()}")
        time.sleep(pause_s)
    raise CannotStart(
        f"{what} is not ready after {timeout_s:.0f} s; the end of {child.log_file}:\n{child.tail()}"
    )
