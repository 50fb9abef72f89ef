"""An installation of its own: started by ``ltc up``, looked after by its supervisor, and stopped.

Its people sign in at its issuer. What breaks things here breaks processes, as a machine would.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from local_infra.ports import free_block, free_port, is_free
from local_infra.processes import Child
from testkit.polling import eventually

OFFSETS = {
    "issuer": 0,
    "lead": 1,
    "deal": 2,
    "quote": 3,
    "contract": 4,
    "order": 5,
    "billing": 6,
    "console": 10,
    "hub": 11,
}
STAGES = ("lead", "deal", "quote", "contract", "order", "billing")


class House:
    """Home folder, ports and processes of one installation."""

    def __init__(self, home: Path, **environment: str) -> None:
        home.chmod(0o755)  # PostgreSQL's own user must get in
        self.home = home
        self.base = free_block(max(OFFSETS.values()) + 1)
        self.kafka_port = free_block(2)  # and its controller's
        self.environment = {
            **os.environ,
            "LTC_HOME": str(home),
            "LTC_PG_PORT": str(free_port()),
            "LTC_KAFKA_PORT": str(self.kafka_port),
            "LTC_PORT_BASE": str(self.base),
            **environment,
        }

    @property
    def kafka(self) -> str:
        return self.environment.get("LTC_KAFKA_BOOTSTRAP") or f"127.0.0.1:{self.kafka_port}"

    def port(self, name: str) -> int:
        return self.base + OFFSETS[name]

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port(name)}"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command line of this installation."""
        return subprocess.run(
            [sys.executable, "-m", "ltc", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    def start(self) -> None:
        started = self.run("up", "--detach")
        assert started.returncode == 0, started.stdout + started.stderr

    def stop(self) -> None:
        stopped = self.run("down")
        assert stopped.returncode == 0, stopped.stdout + stopped.stderr

    def token(self, sub: str, name: str, roles: Sequence[str], *, ttl_s: int = 7200) -> str:
        """Sign in at the installation's issuer."""
        who = {"sub": sub, "name": name, "roles": list(roles), "ttl_s": ttl_s}
        answer = httpx.post(f"{self.url('issuer')}/token", json=who).raise_for_status()
        return str(answer.json()["access_token"])

    def kill(self, name: str) -> None:
        """SIGKILL a part; the supervisor starts it again, and so it must be the supervisor's."""
        if name == "kafka" and "LTC_KAFKA_BOOTSTRAP" in self.environment:
            pytest.skip("NOT RUN: nobody restarts the Kafka that this run has in a container")
        process = Child(name, self.home / "run", self.home / "logs").process()
        assert process is not None, f"{name} was not running"
        process.kill()

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """A service is gone: killed, and its port held, so that the supervisor tries in vain to
        start it again until we let go."""
        self.kill(name)
        eventually(lambda: is_free(self.port(name)), what=f"the port of {name} is free")
        with socket.socket() as holder:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind(("127.0.0.1", self.port(name)))
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
            yield


@contextmanager
def a_house(home: Path, **environment: str) -> Iterator[House]:
    """An installation, ready; all of it is stopped afterwards."""
    house = House(home, **environment)
    try:
        house.start()
        yield house
    finally:
        house.stop()
