"""An installation whose spans go through a collector, and journeys to send through it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from prometheus_client.parser import text_string_to_metric_families

from local_infra.ports import free_port
from ltc.settings import CONSOLE, SERVICES
from testkit.actors.all_actors import Actors
from testkit.installation.supervised import SupervisedInstallation
from testkit.polling import eventually
from testkit.tcp_proxy import Network
from tests.observability.backend import Backend, a_backend
from tests.observability.collector import Collector

NAMES = SERVICES
WIRE = "collector"
AT_ONCE = 8
SPANS = ("otel_sdk_exporter_span_exported_total", "otel_sdk_processor_span_processed_total")
LATENCIES = """
SELECT extract(epoch FROM max(said_at) FILTER (WHERE type = 'ltc.journey.settled.v1')
                          - min(said_at) FILTER (WHERE type = 'ltc.lead.captured.v1'))
FROM journey_event WHERE journey_id = ANY($1::uuid[]) GROUP BY journey_id
"""


@dataclass(frozen=True)
class Ride:
    """Some journeys that were sent, all settled."""

    journeys: Sequence[str]
    per_s: float
    median_s: float
    """From capture to settlement."""


@dataclass
class Watched:
    """The installation, the collector behind a wire, and the tracing backend beside the console."""

    house: SupervisedInstallation
    cast: Actors
    collector: Collector
    network: Network
    backend: Backend

    def ride(self, count: int) -> Ride:
        """Send express journeys, several at once, until every one of them has been settled."""
        began = time.monotonic()
        orders = [self.cast.web.order("LIC-TEAM", paid="2712.00") for _ in range(count)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(self.cast.web.sends, orders))
        journeys = [answer["journey_id"] for answer in answers]
        lasted = eventually(
            lambda: [row[0] for row in self.rows(LATENCIES, journeys)],
            lambda found: len(found) == count and None not in found,
            what="every journey is settled",
        )
        ordered = sorted(map(float, lasted))
        return Ride(journeys, count / (time.monotonic() - began), ordered[count // 2])

    def rows(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """What the console's database answers."""
        return self.house.rows(CONSOLE, statement, *values)

    def stored(self) -> int:
        """Spans that the console holds."""
        return int(self.rows("SELECT count(*) FROM span")[0][0])

    def measured(self, *names: str, failed: bool = False) -> int:
        """The sum of metrics over all services; of what failed alone when asked so."""
        return int(
            sum(
                sample.value
                for service in NAMES
                for family in text_string_to_metric_families(
                    httpx.get(f"{self.house.url(service)}/metrics").text
                )
                for sample in family.samples
                if sample.name in names and (sample.labels.get("error_type") or not failed)
            )
        )

    def spans_lost(self) -> int:
        """Spans that were made and that nobody took."""
        return self.measured(*SPANS, failed=True)

    def memory_mib(self) -> dict[str, float]:
        """Resident memory of every service."""
        processes = {name: self.house.process(name) for name in NAMES}
        return {name: p.memory_info().rss / 2**20 for name, p in processes.items()}


@contextmanager
def a_watched_house(home: Path) -> Iterator[Watched]:
    """Services → wire → collector → console and backend; every trace is recorded."""
    front = free_port()
    house = SupervisedInstallation(
        home,
        LTC_OTLP_ENDPOINT=f"http://127.0.0.1:{front}",
        LTC_TRACES_PER_SECOND="0",
    )
    with ExitStack() as stack:
        backend = stack.enter_context(a_backend())
        collector = Collector(
            home / "watching",
            "collector.yaml",
            JAEGER_ENDPOINT=backend.url,
            CONSOLE_ENDPOINT=house.url(CONSOLE),
        )
        collector.start()
        stack.callback(collector.stop)
        network = Network()
        stack.callback(network.close)
        network.lay(WIRE, front, collector.port)
        stack.callback(house.stop)
        house.start()
        cast = Actors(house)
        stack.callback(cast.close)
        yield Watched(house, cast, collector, network, backend)
