"""The fork server: single-threaded, it imports modules once and forks a child for each request."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import sys
from pathlib import Path

from local_infra.forking.loaded import Loaded
from local_infra.forking.protocol import GO, Start, receive_start, send_answer

REQUEST_WITHIN_S = 10.0
IDLE_S = 60.0
"""A server without children ends after so long: its installation is gone."""


def listen(path: Path) -> socket.socket:
    """A socket that only this user may connect to."""
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen(64)
    return listener


class Server:
    """Forks children until nobody needs it any more."""

    def __init__(self, listener: socket.socket, loaded: Loaded, idle_s: float) -> None:
        self._listener = listener
        self._loaded = loaded
        self._idle_s = idle_s
        self._waiting: dict[int, socket.socket] = {}
        """By pid, the connections of clients that wait for an exit code."""
        self._wakeup, self._wakes = socket.socketpair()
        for end in (self._wakeup, self._wakes):
            end.setblocking(False)
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self, pending: socket.socket | None = None) -> Start:
        """Serve. Returns in each child, with what it is to run. The server itself exits."""
        if pending is not None:
            start = self._serve(pending)
            if start is not None:
                return start
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wakeup, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select(self._idle_s)]
                self._drain()
                has_children = self._reap()
                if self._listener in ready:
                    start = self._serve(self._listener.accept()[0])
                    if start is not None:
                        return start
                elif not ready and not has_children:
                    sys.exit(0)

    def _serve(self, connection: socket.socket) -> Start | None:
        """Answer one client. Returns what to run in the child, None in the server."""
        if self._loaded.changed() and not self._waiting:
            self._renew(connection)
        connection.settimeout(REQUEST_WITHIN_S)
        try:
            start = receive_start(connection)
        except (OSError, ValueError) as error:
            if isinstance(error, ValueError):
                print(f"a request could not be read: {error}", file=sys.stderr, flush=True)
            connection.close()
            return None
        child = None
        try:
            refused = self._refusal(start)
            if refused:
                with contextlib.suppress(OSError):
                    send_answer(connection, refused=refused)
            else:
                child = os.fork()
                if child == 0:
                    return self._in_child(connection, start)
        finally:
            if child != 0:
                for file in start.files:
                    os.close(file)
        if child and start.waits:
            self._waiting[child] = connection
        else:
            connection.close()
        return None

    def _refusal(self, start: Start) -> str | None:
        changed = self._loaded.changed()
        if changed:
            return f"{changed} has changed, and somebody waits for a program"
        threads = len(os.listdir("/proc/self/task"))
        if threads != 1:
            return f"the server has {threads} threads, and a fork would copy only one"
        return self._loaded.refusal(start)

    def _in_child(self, connection: socket.socket, start: Start) -> Start:
        """Tell the client the pid, and go on when the client has noted it."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for ours in (self._listener, self._wakeup, self._wakes, *self._waiting.values()):
            ours.close()
        with connection:
            connection.settimeout(None)
            try:
                send_answer(connection, pid=os.getpid())
                told = connection.recv(1)
            except OSError:
                told = b""
        if told != GO:
            os._exit(1)
        return start

    def _renew(self, connection: socket.socket) -> None:
        """Replace this program by itself, with the sources of now. The children stay its own, and
        the client's request is still unread."""
        for kept in (self._listener, connection):
            kept.set_inheritable(True)
        inherited = f"--inherited={self._listener.fileno()},{connection.fileno()}"
        given = [word for word in sys.argv[1:] if not word.startswith("--inherited=")]
        os.execv(sys.executable, [*sys.orig_argv[:3], inherited, *given])  # noqa: S606

    def _reap(self) -> bool:
        """Take the exit codes of children that have ended; whether there are others."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if not pid:
                return True
            connection = self._waiting.pop(pid, None)
            if connection is not None:
                with connection, contextlib.suppress(OSError):
                    send_answer(connection, returncode=os.waitstatus_to_exitcode(status))

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wakeup.recv(4096):
                pass
