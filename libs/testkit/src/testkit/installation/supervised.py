"""An installation that ``ltc up`` starts and whose supervisor restarts processes that end.

What a test kills here the supervisor revives, as on a machine in production.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local_infra.ports import free_block, free_port, is_free
from ltc.settings import Settings
from testkit.installation.base import Installation
from testkit.polling import eventually

PORTS = 12
"""From the issuer's port to the hub's."""


class SupervisedInstallation(Installation):
    """An installation on free ports; ``environment`` reaches all its processes."""

    def __init__(self, home: Path, **environment: str) -> None:
        home.chmod(0o755)  # PostgreSQL's own user must get in
        given = {
            **os.environ,
            "LTC_HOME": str(home),
            "LTC_PG_PORT": str(free_port()),
            "LTC_KAFKA_PORT": str(free_block(2)),  # and its controller's
            "LTC_PORT_BASE": str(free_block(PORTS)),
            **environment,
        }
        super().__init__(Settings.from_env(given), environment)

    def start(self) -> None:
        started = self.run("up", "--detach")
        assert started.returncode == 0, started.stdout + started.stderr

    def stop(self) -> None:
        stopped = self.run("down")
        assert stopped.returncode == 0, stopped.stdout + stopped.stderr

    def kill(self, name: str) -> None:
        """SIGKILL a unit; the supervisor starts it again, and so it must be the supervisor's."""
        if name == "kafka" and self.settings.kafka_bootstrap:
            pytest.skip("NOT RUN: nobody restarts the Kafka that this run has in a container")
        self.process(name).kill()

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """Kill a service and hold its port, so that the supervisor cannot start it again until
        the block ends."""
        self.kill(name)
        eventually(lambda: is_free(self.port(name)), what=f"the port of {name} is free")
        with socket.socket() as holder:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind(("127.0.0.1", self.port(name)))
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
            yield


@contextmanager
def supervised_installation(home: Path, **environment: str) -> Iterator[SupervisedInstallation]:
    """An installation, ready; all of it is stopped afterwards."""
    installation = SupervisedInstallation(home, **environment)
    try:
        installation.start()
        yield installation
    finally:
        installation.stop()
