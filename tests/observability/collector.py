"""A real OpenTelemetry Collector with one of our configurations, on loopback ports of its own."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from local_infra.ports import free_port, is_open
from local_infra.processes import Child, wait_until
from ltc.settings import PROJECT
from testkit.tools import the_collector

CONFIGS = PROJECT / "deploy" / "observability"


class Collector:
    """One process. ``environment`` is what its configuration asks for."""

    def __init__(self, home: Path, config: str, **environment: str) -> None:
        self.binary = the_collector()
        self.port = free_port()
        self.metrics_port = free_port()
        self._child = Child("collector", home / "run", home / "logs")
        self._command = [str(self.binary), "--config", str(CONFIGS / config)]
        self._environment = {
            **os.environ,
            "COLLECTOR_LISTEN": f"127.0.0.1:{self.port}",
            "COLLECTOR_HEALTH": f"127.0.0.1:{free_port()}",
            "COLLECTOR_METRICS_HOST": "127.0.0.1",
            "COLLECTOR_METRICS_PORT": str(self.metrics_port),
            "COLLECTOR_STORAGE": str(home / "queue"),
            **environment,
        }

    def start(self) -> None:
        self._child.start(self._command, env=self._environment)
        wait_until(lambda: is_open(self.port), child=self._child, what="the collector")

    def stop(self) -> None:
        self._child.stop()

    def memory_mib(self) -> float:
        process = self._child.process()
        assert process is not None
        return float(process.memory_info().rss / 2**20)

    def accepted(self) -> int:
        """Spans that it has taken."""
        return self._sum("otelcol_receiver_accepted_spans_total")

    def sent(self, exporter: str) -> int:
        """Spans that a backend has taken from it."""
        return self._sum("otelcol_exporter_sent_spans_total", exporter=exporter)

    def queued(self) -> int:
        """Batches that wait for a backend."""
        return self._sum("otelcol_exporter_queue_size")

    def _sum(self, name: str, **labels: str) -> int:
        text = httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics").text
        return int(
            sum(
                sample.value
                for family in text_string_to_metric_families(text)
                for sample in family.samples
                if sample.name == name and labels.items() <= sample.labels.items()
            )
        )
