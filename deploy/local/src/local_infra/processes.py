"""Child processes that outlive whoever started them, found again by pid *and* start time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import psutil

T = TypeVar("T")


def run_sync(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also from code that a running loop has called."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


class CannotStart(Exception):
    """Something we need does not come up; the message is one sentence for people."""

    exit_code = 5


class PortTaken(CannotStart):
    """Somebody else listens where we must."""

    exit_code = 4


class MissingPrerequisite(CannotStart):
    """A program or a download is missing; the message says how to get it."""

    exit_code = 3


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def require_free(port: int, purpose: str) -> None:
    """Raise PortTaken naming the port, what it is for, and who holds it when that can be seen."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            holder = _holder(port)
            raise PortTaken(f"port {port} for {purpose} is taken{holder}") from error


def _holder(port: int) -> str:
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == "LISTEN":
                if connection.pid is None:
                    break
                name = psutil.Process(connection.pid).name()
                return f" by {name} (pid {connection.pid})"
    return ""


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
            alive = process.status() != psutil.STATUS_ZOMBIE
            if alive and abs(process.create_time() - noted["started"]) < 2:
                return process
        except (OSError, ValueError, KeyError, psutil.Error):
            pass
        return None

    def start(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> psutil.Process:
        """Start detached in a session of its own, so that it survives us until it is told."""
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            started = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(env or {})},
                start_new_session=True,
                user=user,
                group=user,
                extra_groups=[] if user else None,
            )
        started.returncode = 0  # nobody waits for it: it is meant to outlive us, without a warning
        process = psutil.Process(started.pid)
        note = {"pid": started.pid, "started": process.create_time()}
        self.pid_file.write_text(json.dumps(note))
        return process

    def stop(self, *, timeout_s: float = 15.0, sig: int = 15) -> bool:
        """Ask to stop, then insist. True when something was running."""
        process = self.process()
        if process is not None:
            with contextlib.suppress(psutil.Error):
                process.send_signal(sig)
            try:
                process.wait(timeout_s)
            except psutil.TimeoutExpired:
                with contextlib.suppress(psutil.Error):
                    process.kill()
                    process.wait(5)
            except psutil.Error:
                pass
        self.pid_file.unlink(missing_ok=True)
        return process is not None

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        if not self.log_file.exists():
            return ""
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])


def wait_until(check: object, *, timeout_s: float, child: Child, what: str) -> None:
    """Poll a callable until it is true. Raises CannotStart with the end of the log."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if callable(check) and check():
            return
        if child.process() is None:
            raise CannotStart(f"{what} ended at once; the end of {child.log_file}:\n{child.tail()}")
        time.sleep(0.05)
    raise CannotStart(f"{what} is not ready after {timeout_s:.0f} s; see {child.log_file}")
