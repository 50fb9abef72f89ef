"""The installation of docker-compose.yml: ports of this machine's loopback, parts in containers."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from local_infra import containers
from testkit.installation.supervised import House

DATABASES = "postgresql://postgres:postgres@127.0.0.1:25432/{name}"


class Boxes(House):
    """A house whose parts are containers; no supervisor looks after them, only the engine."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.base = 8100
        self.kafka_port = 29092
        self.environment = {**os.environ, "LTC_HOME": str(home)}

    def start(self) -> None:
        containers.up()

    def stop(self) -> None:
        containers.down()

    def kill(self, name: str) -> None:
        """SIGKILL the process in a container; starting it again is the engine's."""
        os.kill(containers.state(name)["State"]["Pid"], signal.SIGKILL)
