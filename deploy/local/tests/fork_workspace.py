"""A small workspace with a fork server, for the tests of forking."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from local_infra.forking.client import ForkServer
from local_infra.processes import Child

SHARED = """
VERSION = 1
SEEN = []
"""
"""A module that the server imports."""

REPORT = """
import json, os, random, signal, sys, time
import shared, uuid_utils
print(json.dumps({
    "pid": os.getpid(), "ppid": os.getppid(), "session": os.getsid(0), "group": os.getpgid(0),
    "folder": os.getcwd(), "arguments": sys.argv[1:], "path": sys.path[:2], "main": __name__,
    "environment": dict(os.environ), "zone": time.tzname[0], "version": shared.VERSION,
    "seen": shared.SEEN, "random": random.random(), "id": str(uuid_utils.uuid4()),
    "signals": [str(signal.getsignal(n)) for n in (signal.SIGTERM, signal.SIGCHLD, signal.SIGINT)],
    "files": sorted(int(n) for n in os.listdir("/proc/self/fd"))[:-1],
    "input": os.readlink("/proc/self/fd/0"),
}), flush=True)
shared.SEEN.append(sys.argv)
os.environ["LEFT_BEHIND"] = "1"
sys.argv.append("left behind")
if "stay" in sys.argv:
    time.sleep(60)
"""

ENDS = """
import os, signal, sys
how = sys.argv[1]
if how == "code":
    sys.exit(78)
elif how == "words":
    sys.exit("LTC_X is missing")
elif how == "error":
    raise LookupError("no such thing")
elif how == "interrupt":
    os.kill(os.getpid(), signal.SIGINT)
elif how == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
elif how == "exit handler":
    import atexit
    atexit.register(print, "at exit")
print("input:", sys.stdin.read())
"""


class Workspace:
    """A folder with modules, a fork server, and children that may be forked by it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.source = home / "src"
        self.source.mkdir()
        for name, text in {"shared": SHARED, "report": REPORT, "ends": ENDS}.items():
            self.write(name, text)
        self.server = ForkServer(home / "run", home / "logs", ["shared"])

    def write(self, name: str, text: str) -> None:
        (self.source / f"{name}.py").write_text(text)

    def environment(self, **more: str) -> dict[str, str]:
        return {**os.environ, **more}

    def start(
        self, name: str, *arguments: str, forks: bool = True, **environment: str
    ) -> dict[str, Any]:
        """Start a report that stays; what it says of itself."""
        child = Child(name, self.home / "run", self.home / "logs")
        process = child.start(
            [sys.executable, "-m", "report", *arguments, "stay"],
            env=self.environment(**environment),
            folder=str(self.home),
            forks=self.server if forks else None,
        )
        eventually(lambda: child.tail(1).endswith("}"))
        said: dict[str, Any] = json.loads(child.tail(1))
        assert said["pid"] == process.pid
        return said

    def child(self, name: str) -> Child:
        return Child(name, self.home / "run", self.home / "logs")

    def end(self) -> None:
        """Stop the server and all that was started."""
        for file in (self.home / "run").glob("*.pid"):
            self.child(file.stem).stop(timeout_s=5)

    @property
    def server_pid(self) -> int:
        process = self.server.child.process()
        assert process is not None
        return process.pid


def eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Whether a process has ended and its parent has taken its exit code."""
    return not psutil.pid_exists(pid)
