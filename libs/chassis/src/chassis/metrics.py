"""The numbers a service is watched by. Recorded per batch, never per message; no journey ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Histogram, Meter
from opentelemetry.metrics import _Gauge as Gauge
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, generate_latest

SHORT_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Bounds for what should take milliseconds."""
LONG_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600, 86_400)
"""Bounds for what can wait for an outage or a person."""
EXPORT_EVERY_MS = 15_000
_DESTINATION, _ERROR = "messaging.destination.name", "error.type"


def _seconds(meter: Meter, name: str, bounds: tuple[float, ...], description: str) -> Histogram:
    return meter.create_histogram(
        name, unit="s", description=description, explicit_bucket_boundaries_advisory=bounds
    )


class _Named:
    """Gauges of things that come and go by name. What is gone goes to zero, so that its alert
    ends."""

    def __init__(self, *gauges: Gauge, labels: tuple[str, ...]) -> None:
        self.gauges = gauges
        self._labels = labels
        self._seen: set[tuple[str, ...]] = set()

    def set(self, values: Mapping[tuple[str, ...], Sequence[float]]) -> None:
        """What there is now, by the labels' values; a value for each gauge."""
        gone = dict.fromkeys(self._seen - values.keys(), (0,) * len(self.gauges))
        for names, numbers in {**gone, **values}.items():
            about = dict(zip(self._labels, names, strict=True))
            for gauge, number in zip(self.gauges, numbers, strict=True):
                gauge.set(number, about)
        self._seen |= values.keys()


class Metrics:
    """The instruments of one process, rendered for Prometheus and, given an endpoint, sent by OTLP.

    Each has its own registry and provider, so that several applications in one process stay apart.
    """

    def __init__(self, service: str, *, instance: str, otlp_endpoint: str | None = None) -> None:
        self._service = service
        self._registry = CollectorRegistry()
        readers: list[MetricReader] = [
            PrometheusMetricReader(
                disable_target_info=True, scope_info_enabled=False, registry=self._registry
            )
        ]
        if otlp_endpoint:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

            exporter = OTLPMetricExporter(f"{otlp_endpoint.rstrip('/')}/v1/metrics", timeout=5)
            readers.append(PeriodicExportingMetricReader(exporter, EXPORT_EVERY_MS))
        self.provider = MeterProvider(
            readers,
            resource=Resource.create({"service.name": service, "service.instance.id": instance}),
            shutdown_on_exit=False,
        )
        meter = self.provider.get_meter("chassis")
        self._create_messaging(meter)
        self._create_queues(meter)
        self._requests = _seconds(
            meter, "http.server.request.duration", SHORT_S, "Duration of HTTP requests"
        )

    def _create_messaging(self, meter: Meter) -> None:
        counter = meter.create_counter
        self._consumed = counter("messaging.client.consumed.messages", "{message}", "Delivered")
        self._sent = counter("messaging.client.sent.messages", "{message}", "Acknowledged by Kafka")
        self._said = counter("ltc.facts.said", "{message}", "Facts published, by type")
        self._operation = _seconds(
            meter, "messaging.client.operation.duration", SHORT_S, "Sending one batch"
        )
        self._process = _seconds(
            meter, "messaging.process.duration", SHORT_S, "Handling one batch, commit included"
        )
        self._critical = _seconds(
            meter,
            "ltc.critical.time",
            LONG_S,
            "From an event's creation to its handling",
        )
        self._duplicates = counter("ltc.inbox.duplicates", "{message}", "Seen before, not applied")
        self._ignored = counter("ltc.consumer.ignored", "{message}", "Of types nobody here hears")
        self._failed = counter("ltc.consumer.batch.failures", "{batch}", "Batches to be repeated")
        self._rebalances = counter("ltc.consumer.rebalances", "{rebalance}", "Partitions moved")
        self._paused = meter.create_gauge("ltc.consumer.paused", "{partition}", "Backing off")
        self._halted = meter.create_gauge(
            "ltc.consumer.halted", "1", "Hears nothing: see readiness"
        )
        self._lag = meter.create_gauge("ltc.consumer.lag", "{message}", "Not yet applied")
        self._lag_s = meter.create_gauge("ltc.consumer.lag.age", "s", "Age of the next to apply")
        self._topic_lag_s = meter.create_gauge(
            "ltc.consumer.topic.lag.age", "s", "Age of the next to apply, by topic"
        )

    def _create_queues(self, meter: Meter) -> None:
        gauge = meter.create_gauge
        self._relay_errors = meter.create_counter("ltc.relay.errors", "{error}", "Not published")
        self._pending = gauge("ltc.outbox.pending", "{message}", "Facts not yet published")
        self._refused = gauge("ltc.outbox.refused", "{message}", "Facts that block their keys")
        self._oldest = gauge("ltc.outbox.oldest.age", "s", "Age of the oldest unpublished fact")
        self._parked_now = meter.create_counter("ltc.parking.parked", "{message}", "Ever parked")
        self._parked_keys = gauge("ltc.parking.keys", "{key}", "Parked keys by status")
        self._parked_messages = gauge("ltc.parking.messages", "{message}", "Parked messages")
        self._parked_age = gauge("ltc.parking.oldest.age", "s", "Age of the oldest parked key")
        self._classes = _Named(
            gauge("ltc.parking.class.keys", "{key}", "Parked keys by error class"),
            gauge("ltc.parking.class.oldest.age", "s", "Oldest key by error class"),
            labels=(_ERROR,),
        )
        self._dead = gauge("ltc.dead.letters", "{message}", "Given up, waiting for a person")
        self._aside = gauge("ltc.set.aside", "{message}", "Given up by rule in the last hour")
        self._failing = gauge("ltc.timer.failing", "{row}", "Rows that timers cannot handle")
        self._gates = gauge("ltc.gate.open", "{gate}", "Gates that somebody must pass")
        self._overdue = gauge("ltc.gate.overdue", "{gate}", "Open gates past their time")
        self._late = _Named(
            gauge("ltc.gate.late", "{gate}", "Overdue gates by name and who must act"),
            gauge("ltc.gate.late.age", "s", "How far the longest of them is past its time"),
            labels=("ltc.gate", "ltc.owner"),
        )
        self._stage_age = gauge("ltc.stage.age", "s", "How long open gates have been open")
        self._transaction = gauge("ltc.db.oldest.transaction", "s", "Oldest open transaction")
        self._connections = gauge(
            "db.client.connection.count", "{connection}", "Connections of the pool by state"
        )
        self._most = gauge("db.client.connection.max", "{connection}", "Most the pool may open")

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """One HTTP request. Route is the template, never the path."""
        about: dict[str, str | int] = {
            "http.request.method": method,
            "http.response.status_code": status,
        }
        if route:
            about["http.route"] = route
        if status >= 500:
            about[_ERROR] = str(status)
        self._requests.record(seconds, about)

    def halted(self, halted: bool) -> None:
        """Whether the consumer has stopped until a person acts."""
        self._halted.set(int(halted))

    def relayed(self, sent: int, failed: int, seconds: float | None = None) -> None:
        """One relay round: facts acknowledged, facts left, and how long sending took."""
        self._sent.add(sent)
        if failed:
            self._relay_errors.add(failed, {_ERROR: "unpublished"})
        if seconds is not None:
            self._operation.record(seconds, {"messaging.operation.name": "send"})

    def facts_said(self, types: Counter[str]) -> None:
        """Facts that Kafka acknowledged, by ``ce_type``."""
        for event_type, count in types.items():
            self._said.add(count, {"ltc.event_type": event_type})

    def relay_failed(self, error: str) -> None:
        self._relay_errors.add(1, {_ERROR: error})

    def batch_consumed(self, topic: str, count: int, seconds: float) -> None:
        """Of one batch, the messages of one topic; the seconds are the whole batch's."""
        self._consumed.add(count, {_DESTINATION: topic})
        self._process.record(seconds, {_DESTINATION: topic})

    def batch_failed(self, error: str) -> None:
        self._failed.add(1, {_ERROR: error})

    def critical_time(self, seconds: float, topic: str | None = None) -> None:
        """From an event's creation to the end of its handling, for the oldest of a batch."""
        about = {_DESTINATION: topic} if topic else None
        self._critical.record(max(0.0, seconds), about)

    def duplicates(self, count: int) -> None:
        if count:
            self._duplicates.add(count)

    def ignored(self, count: int) -> None:
        """Facts of types that nobody here listens to."""
        self._ignored.add(count)

    def parked(self, count: int) -> None:
        self._parked_now.add(count)

    def rebalanced(self) -> None:
        self._rebalances.add(1)

    def paused(self, partitions: int) -> None:
        """Partitions that wait for the surroundings to recover."""
        self._paused.set(partitions)

    def lag(self, messages: int, ages_s: dict[str, float]) -> None:
        """Messages not yet applied, and by topic how long the first of them has waited."""
        self._lag.set(messages)
        self._lag_s.set(max(ages_s.values(), default=0.0))
        for topic, seconds in ages_s.items():
            self._topic_lag_s.set(seconds, {_DESTINATION: topic})

    def outbox_state(self, pending: int, oldest_s: float) -> None:
        self._pending.set(pending)
        self._oldest.set(oldest_s)

    def refused_facts(self, count: int) -> None:
        """Facts that Kafka refuses for good: what is behind them with the same key waits."""
        self._refused.set(count)

    def parked_state(self, retrying: int, dead: int, messages: int, oldest_s: float) -> None:
        self._parked_keys.set(retrying, {"status": "retrying"})
        self._parked_keys.set(dead, {"status": "dead"})
        self._parked_messages.set(messages)
        self._parked_age.set(oldest_s)

    def parked_classes(self, classes: dict[str, tuple[int, float]]) -> None:
        """Per error class: parked keys, and the age of the oldest in seconds."""
        self._classes.set({(name,): values for name, values in classes.items()})

    def dead_letters(self, waiting: int, set_aside: int) -> None:
        """Messages given up: those that a person must decide about, and those that an observer went
        on past by rule in the last hour."""
        self._dead.set(waiting)
        self._aside.set(set_aside)

    def failing_rows(self, count: int) -> None:
        """Rows that a timer left out because handling them fails."""
        self._failing.set(count)

    def gates_state(self, open_gates: int, overdue: int) -> None:
        self._gates.set(open_gates)
        self._overdue.set(overdue)

    def late_gates(self, late: dict[tuple[str, ...], tuple[int, float]]) -> None:
        """By gate and who must act: overdue gates, and how far the longest is past its time."""
        self._late.set(late)

    def stage_age(self, longest_s: float, p95_s: float) -> None:
        """How long this service's open gates have been open."""
        self._stage_age.set(longest_s, {"statistic": "max"})
        self._stage_age.set(p95_s, {"statistic": "p95"})

    def oldest_transaction(self, seconds: float) -> None:
        self._transaction.set(seconds)

    def pool(self, used: int, idle: int, most: int) -> None:
        """Database connections in use and at rest, and how many there may be."""
        self._connections.set(used, {"db.client.connection.state": "used"})
        self._connections.set(idle, {"db.client.connection.state": "idle"})
        self._most.set(most)

    def render(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self._registry)

    def shutdown(self) -> None:
        """Send what is held and stop."""
        self.provider.shutdown()
