"""A fork server as its users see it: started when needed, asked to start programs."""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from local_infra.errors import CannotStart
from local_infra.forking.protocol import GO, Start, receive_answer, send_start
from local_infra.processes import READY_WITHIN_S, Child, wait_until

T = TypeVar("T")

logger = logging.getLogger(__name__)

PATH_LIMIT = 100
"""The longest path in bytes that every system takes for a Unix socket."""
FOLDER = "/"
"""Where a server works: a folder that is never deleted."""


class Unavailable(Exception):
    """A program cannot be forked; the message says why. It can be started by exec."""


@dataclass(frozen=True)
class Ended:
    """A program that ran to its end, with standard output and error in one text."""

    returncode: int
    output: str


class ForkServer:
    """The server of one folder: of an installation, or of several that share it."""

    name = "fork-server"

    def __init__(self, run_dir: Path, log_dir: Path, modules: Sequence[str]) -> None:
        """``modules`` are what a server imports that is started from here."""
        self.child = Child(self.name, run_dir, log_dir)
        self._modules = modules
        self._socket = run_dir / f"{self.name}.sock"

    def running(self) -> bool:
        return self.child.process() is not None

    def start(self) -> None:
        """Start it unless it runs. Returns when it takes requests; it answers them when it has
        imported its modules. Raises CannotStart."""
        self._connect().close()

    def stop(self) -> None:
        """End it. The programs that it forked go on."""
        self.child.stop()

    def launch(self, start: Start, note: Callable[[int], T]) -> T | None:
        """Have a program forked. ``note`` gets its pid before it runs, and what it returns is
        returned. None when the program must be started by exec."""
        try:
            with self._forked(start) as (connection, pid):
                noted = note(pid)
                connection.sendall(GO)
                return noted
        except Unavailable as why:
            logger.info("%s is started by exec: %s", start.command, why)
            return None

    def run(
        self, command: Sequence[str], text: str, environment: Mapping[str, str]
    ) -> Ended | None:
        """Run a program with a text as its input until it ends. None when it must be started by
        exec. Raises CannotStart when the server dies meanwhile, because the program may go on."""
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as written:
            given.write(text.encode())
            given.seek(0)
            files = (given.fileno(), written.fileno(), written.fileno())
            start = Start(command, environment, str(Path.cwd()), waits=True, files=files)
            try:
                with self._forked(start) as (connection, _):
                    connection.sendall(GO)
                    returncode = _returncode(connection, command)
            except Unavailable as why:
                logger.info("%s is started by exec: %s", command, why)
                return None
            written.seek(0)
            return Ended(returncode, written.read().decode(errors="replace"))

    @contextmanager
    def _forked(self, start: Start) -> Iterator[tuple[socket.socket, int]]:
        """A connection whose child waits for `GO`, and its pid. Raises Unavailable."""
        connection, answer = self._ask(start)
        with connection:
            if "refused" in answer:
                raise Unavailable(answer["refused"])
            yield connection, int(answer["pid"])

    def _ask(self, start: Start) -> tuple[socket.socket, dict[str, int | str]]:
        """Send a request, once more to a new server when the first one dies over it: what was
        forked without an answer ends by itself."""
        failure: Exception = Unavailable("never asked")
        for _ in range(2):
            try:
                connection = self._connect()
            except CannotStart as error:
                raise Unavailable(str(error)) from error
            try:
                connection.settimeout(READY_WITHIN_S)
                send_start(connection, start)
                return connection, receive_answer(connection)
            except OSError as error:
                connection.close()
                failure = error
        raise Unavailable(f"the fork server does not answer: {failure}")

    def _connect(self) -> socket.socket:
        """A connection, to a new server when there is none. Raises CannotStart."""
        if len(os.fsencode(self._socket)) > PATH_LIMIT:
            raise CannotStart(f"{self._socket} is too long for the name of a socket")
        found = self._dial()
        if found is not None:
            return found
        with _locked(self.child.pid_file.with_suffix(".lock")):
            return self._dial() or self._begin()

    def _begin(self) -> socket.socket:
        """Start a server in place of one that does not answer, and connect to it."""
        self.child.stop(timeout_s=5)
        self._socket.unlink(missing_ok=True)
        command = [sys.executable, "-m", "local_infra.forking", str(self._socket), *self._modules]
        self.child.start(command, folder=FOLDER)
        found: list[socket.socket] = []

        def answers() -> bool:
            connection = self._dial()
            if connection is not None:
                found.append(connection)
            return bool(found)

        wait_until(answers, child=self.child, what="the fork server", pause_s=0.01)
        return found[0]

    def _dial(self) -> socket.socket | None:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(self._socket))
        except OSError:
            connection.close()
            return None
        return connection


def _returncode(connection: socket.socket, command: Sequence[str]) -> int:
    connection.settimeout(None)
    try:
        return int(receive_answer(connection)["returncode"])
    except OSError as error:
        raise CannotStart(f"the fork server died while {command} ran") from error


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """One starter of a server at a time, also among processes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
