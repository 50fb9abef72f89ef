"""Metrics as Prometheus reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chassis.metrics import Metrics


def values(metrics: Metrics) -> dict[str, float]:
    """Every sample by name and labels, ``name{a=b}``."""
    found = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def some_metrics() -> Metrics:
    return Metrics("test-svc", instance="i-1")


@pytest.mark.parametrize(
    ("record", "sample", "value"),
    [
        (lambda m: m.outbox_state(7, 1.5), "ltc_outbox_pending{}", 7),
        (lambda m: m.outbox_state(7, 1.5), "ltc_outbox_oldest_age_seconds{}", 1.5),
        (lambda m: m.relayed(9, 0), "messaging_client_sent_messages_total{}", 9),
        (lambda m: m.relayed(9, 2), "ltc_relay_errors_total{error_type=unpublished}", 2),
        (lambda m: m.relay_failed("OSError"), "ltc_relay_errors_total{error_type=OSError}", 1),
        (lambda m: m.lag(12, {"a": 3.0, "b": 1.0}), "ltc_consumer_lag{}", 12),
        (lambda m: m.lag(12, {"a": 3.0, "b": 1.0}), "ltc_consumer_lag_age_seconds{}", 3),
        (
            lambda m: m.lag(12, {"a": 3.0, "b": 1.0}),
            "ltc_consumer_topic_lag_age_seconds{messaging_destination_name=b}",
            1,
        ),
        (
            lambda m: m.late_gates({("approval", "role:x"): (2, 60.0)}),
            "ltc_gate_late{ltc_gate=approval,ltc_owner=role:x}",
            2,
        ),
        (
            lambda m: m.late_gates({("approval", "role:x"): (2, 60.0)}),
            "ltc_gate_late_age_seconds{ltc_gate=approval,ltc_owner=role:x}",
            60,
        ),
        (lambda m: m.paused(2), "ltc_consumer_paused{}", 2),
        (lambda m: m.duplicates(4), "ltc_inbox_duplicates_total{}", 4),
        (lambda m: m.ignored(5), "ltc_consumer_ignored_total{}", 5),
        (lambda m: m.parked(3), "ltc_parking_parked_total{}", 3),
        (lambda m: m.parked_state(1, 2, 5, 60.0), "ltc_parking_keys{status=dead}", 2),
        (lambda m: m.parked_state(1, 2, 5, 60.0), "ltc_parking_oldest_age_seconds{}", 60),
        (
            lambda m: m.parked_classes({"X": (3, 9.0)}),
            "ltc_parking_class_keys{error_type=X}",
            3,
        ),
        (lambda m: m.dead_letters(6, 2), "ltc_dead_letters{}", 6),
        (lambda m: m.dead_letters(6, 2), "ltc_set_aside{}", 2),
        (lambda m: m.failing_rows(3), "ltc_timer_failing{}", 3),
        (lambda m: m.refused_facts(2), "ltc_outbox_refused{}", 2),
        (lambda m: m.rebalanced(), "ltc_consumer_rebalances_total{}", 1),
        (lambda m: m.gates_state(8, 1), "ltc_gate_open{}", 8),
        (lambda m: m.gates_state(8, 1), "ltc_gate_overdue{}", 1),
        (lambda m: m.stage_age(90.0, 30.0), "ltc_stage_age_seconds{statistic=p95}", 30),
        (
            lambda m: m.facts_said(Counter({"ltc.x.v1": 3})),
            "ltc_facts_said_total{ltc_event_type=ltc.x.v1}",
            3,
        ),
        (
            lambda m: m.pool(3, 5, 12),
            "db_client_connection_count{db_client_connection_state=used}",
            3,
        ),
        (lambda m: m.pool(3, 5, 12), "db_client_connection_max{}", 12),
        (lambda m: m.oldest_transaction(2.0), "ltc_db_oldest_transaction_seconds{}", 2),
        (lambda m: m.batch_failed("X"), "ltc_consumer_batch_failures_total{error_type=X}", 1),
    ],
)
def test_metrics_render_recorded_values(
    record: Callable[[Metrics], None], sample: str, value: float
) -> None:
    metrics = some_metrics()
    record(metrics)

    assert values(metrics)[sample] == value


def test_metrics_count_messages_and_duration_of_a_batch_once() -> None:
    metrics = some_metrics()
    metrics.batch_consumed("ltc.thing.v1", 500, 0.03)
    metrics.critical_time(0.2, "ltc.thing.v1")

    found = values(metrics)
    topic = "messaging_destination_name=ltc.thing.v1"
    assert found[f"messaging_client_consumed_messages_total{{{topic}}}"] == 500
    assert found[f"messaging_process_duration_seconds_count{{{topic}}}"] == 1
    assert found[f"messaging_process_duration_seconds_bucket{{le=0.025,{topic}}}"] == 0
    assert found[f"messaging_process_duration_seconds_bucket{{le=0.05,{topic}}}"] == 1
    assert found[f"ltc_critical_time_seconds_bucket{{le=0.25,{topic}}}"] == 1


def test_metrics_gauge_falls_to_zero_when_its_label_disappears() -> None:
    metrics = some_metrics()
    metrics.parked_classes({"X": (3, 9.0), "Y": (1, 2.0)})
    metrics.parked_classes({"Y": (2, 5.0)})

    found = values(metrics)
    assert found["ltc_parking_class_keys{error_type=X}"] == 0
    assert found["ltc_parking_class_oldest_age_seconds{error_type=X}"] == 0
    assert found["ltc_parking_class_keys{error_type=Y}"] == 2


def test_metrics_delay_is_never_negative() -> None:
    metrics = some_metrics()
    metrics.critical_time(-5.0)

    assert values(metrics)["ltc_critical_time_seconds_sum{}"] == 0


def test_metrics_of_two_applications_in_one_process_are_separate() -> None:
    one, other = some_metrics(), some_metrics()
    one.outbox_state(7, 0.0)

    assert values(one)["ltc_outbox_pending{}"] == 7
    assert "ltc_outbox_pending{}" not in values(other)
