"""The numbers a service is watched by. Recorded per batch, never per message; no journey ids."""

from __future__ import annotations

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import REGISTRY


class Metrics:
    """The instruments of one process, rendered for Prometheus."""

    def __init__(self, service: str, *, instance: str) -> None:
        reader = PrometheusMetricReader(disable_target_info=True)
        # The reader registers itself globally; a registry of our own keeps two apps apart.
        REGISTRY.unregister(reader._collector)
        self._registry = CollectorRegistry()
        self._registry.register(reader._collector)
        provider = MeterProvider(
            [reader],
            resource=Resource.create({"service.name": service, "service.instance.id": instance}),
            shutdown_on_exit=False,
        )
        meter = provider.get_meter("chassis")
        self._consumed = meter.create_counter("messaging.client.consumed.messages")
        self._sent = meter.create_counter("messaging.client.sent.messages")
        self._process = meter.create_histogram("messaging.process.duration", unit="s")
        self._critical = meter.create_histogram("ltc.critical.time", unit="s")
        self._duplicates = meter.create_counter("ltc.inbox.duplicates")
        self._ignored = meter.create_counter("ltc.consumer.ignored")
        self._failed = meter.create_counter("ltc.consumer.batch.failures")
        self._rebalances = meter.create_counter("ltc.consumer.rebalances")
        self._parked_now = meter.create_counter("ltc.parking.parked")
        self._relay_errors = meter.create_counter("ltc.relay.errors")
        self._pending = meter.create_gauge("ltc.outbox.pending")
        self._oldest = meter.create_gauge("ltc.outbox.oldest.age", unit="s")
        self._lag = meter.create_gauge("ltc.consumer.lag")
        self._parked_keys = meter.create_gauge("ltc.parking.keys")
        self._parked_messages = meter.create_gauge("ltc.parking.messages")
        self._parked_age = meter.create_gauge("ltc.parking.oldest.age", unit="s")
        self._gates = meter.create_gauge("ltc.gate.open")
        self._overdue = meter.create_gauge("ltc.gate.overdue")
        self._transaction = meter.create_gauge("ltc.db.oldest.transaction", unit="s")

    def relayed(self, sent: int, failed: int) -> None:
        self._sent.add(sent)
        if failed:
            self._relay_errors.add(failed, {"error.type": "unpublished"})

    def relay_failed(self, error: str) -> None:
        self._relay_errors.add(1, {"error.type": error})

    def batch_consumed(self, topic: str, count: int, seconds: float) -> None:
        self._consumed.add(count, {"messaging.destination.name": topic})
        self._process.record(seconds, {"messaging.destination.name": topic})

    def batch_failed(self, error: str) -> None:
        self._failed.add(1, {"error.type": error})

    def critical_time(self, seconds: float) -> None:
        """From an event's creation to the end of its handling, for the oldest of a batch."""
        self._critical.record(max(0.0, seconds))

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

    def lag(self, messages: int) -> None:
        self._lag.set(messages)

    def outbox_state(self, pending: int, oldest_s: float) -> None:
        self._pending.set(pending)
        self._oldest.set(oldest_s)

    def parked_state(self, retrying: int, dead: int, messages: int, oldest_s: float) -> None:
        self._parked_keys.set(retrying, {"status": "retrying"})
        self._parked_keys.set(dead, {"status": "dead"})
        self._parked_messages.set(messages)
        self._parked_age.set(oldest_s)

    def gates_state(self, open_gates: int, overdue: int) -> None:
        self._gates.set(open_gates)
        self._overdue.set(overdue)

    def oldest_transaction(self, seconds: float) -> None:
        self._transaction.set(seconds)

    def render(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self._registry)
