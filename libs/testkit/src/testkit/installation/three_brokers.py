"""Kafka as a cluster: three brokers, every record on all of them, two have it before it counts."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient

from chassis.cluster import Cluster as Address
from local_infra.kafka import Kafka
from local_infra.ports import free_block
from local_infra.processes import Child, run_sync
from local_infra.topics import ensure_topics
from ltc.settings import Settings
from testkit.installation.controlled import ControlledInstallation

NODES = (1, 2, 3)
COPIES = "3"
MIN_ISR = "2"
OF_THE_CLUSTER = {
    # As Kafka has it: one that is slow for three seconds is not gone.
    "broker.session.timeout.ms": "9000",
    "broker.heartbeat.interval.ms": "2000",
    # Who was away leads again soon, and is worth shooting.
    "leader.imbalance.check.interval.seconds": "5",
    "default.replication.factor": COPIES,
    "min.insync.replicas": MIN_ISR,
    "offsets.topic.replication.factor": COPIES,
    "transaction.state.log.replication.factor": COPIES,
    "transaction.state.log.min.isr": MIN_ISR,
    "share.coordinator.state.topic.replication.factor": COPIES,
    "share.coordinator.state.topic.min.isr": MIN_ISR,
}


class Node(Kafka):
    """One of the three, broker and controller in one process."""

    def __init__(self, home: Path, number: int, first_port: int, cluster_id: str) -> None:
        super().__init__(home, first_port + 2 * (number - 1), first_port + 2 * number - 1)
        self.name = f"kafka-{number}"
        self.logs = home / "data" / self.name
        self.config = home / self.name / "server.properties"
        self.child = Child(self.name, home / "run", home / "logs")
        self.cluster_id = cluster_id
        self._own = {
            "node.id": str(number),
            "controller.quorum.voters": ",".join(
                f"{n}@127.0.0.1:{first_port + 2 * n - 1}" for n in NODES
            ),
        }

    def _write_config(self) -> None:
        super()._write_config()
        settings = dict(line.split("=", 1) for line in self.config.read_text().splitlines())
        settings |= OF_THE_CLUSTER | self._own
        self.config.write_text("".join(f"{k}={v}\n" for k, v in settings.items()))


class Cluster:
    """The three brokers as one unit of an installation."""

    name = "kafka"

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = {int(node.name[-1]): node for node in nodes}

    def running(self) -> bool:
        return all(node.running() for node in self.nodes.values())

    def start(self) -> None:
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(Node.start, self.nodes.values()))

    def stop(self) -> None:
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(Node.stop, self.nodes.values()))


class ThreeBrokerInstallation(ControlledInstallation):
    """An installation whose Kafka is three brokers: units ``kafka-1`` to ``kafka-3``."""

    def __init__(self, settings: Settings) -> None:
        first = free_block(2 * len(NODES))
        ports = [first + 2 * (n - 1) for n in NODES]
        settings = replace(settings, kafka_bootstrap=",".join(f"127.0.0.1:{p}" for p in ports))
        super().__init__(settings)
        id_of_all = self.kafka.cluster_id
        self.cluster = Cluster([Node(settings.home, n, first, id_of_all) for n in NODES])
        self.units["kafka"] = self.cluster
        self.units |= {node.name: node for node in self.cluster.nodes.values()}

    def start_foundation(self) -> None:
        self.start_all(("postgres", "kafka", "issuer"))
        run_sync(ensure_topics(Address(self.bootstrap), replication=int(COPIES)))

    def led(self) -> dict[int, int]:
        """How many partitions each broker leads; of the brokers that lead any."""
        counts: dict[int, int] = {}
        for leader, _in_sync in self._partitions():
            counts[leader] = counts.get(leader, 0) + 1
        return counts

    def short_of_copies(self) -> int:
        """Partitions of which not every broker has all."""
        return sum(len(in_sync) < len(NODES) for _leader, in_sync in self._partitions())

    def _partitions(self) -> list[tuple[int, list[int]]]:
        """Of every partition its leader, and who is in sync."""

        async def ask() -> list[tuple[int, list[int]]]:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
            await admin.start()
            try:
                topics = await admin.describe_topics()
            finally:
                await admin.close()
            return [(p["leader"], p["isr"]) for topic in topics for p in topic["partitions"]]

        return run_sync(ask())
