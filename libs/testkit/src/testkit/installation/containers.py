"""The installation of docker-compose.yml: ports of this machine's loopback, parts in containers."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from local_infra import containers
from ltc.settings import Settings
from testkit.installation.base import Installation

DATABASES = "postgresql://postgres:postgres@127.0.0.1:25432/{name}"


class ContainerInstallation(Installation):
    """Its processes are containers; the engine restarts them, no supervisor does."""

    def __init__(self, home: Path) -> None:
        super().__init__(Settings(home))

    def start(self) -> None:
        containers.up()

    def stop(self) -> None:
        containers.down()

    def kill(self, name: str) -> None:
        """SIGKILL the process in a container; the engine starts it again."""
        os.kill(containers.state(name)["State"]["Pid"], signal.SIGKILL)

    def dsn(self, name: str) -> str:
        return DATABASES.format(name=name)
