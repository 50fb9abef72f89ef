"""Webhook metrics: attempts, backlogs, delay."""

from __future__ import annotations

import time

from hook_hub import an_endpoint, dispatching, facts, make_due, settled, until
from prometheus_client.parser import text_string_to_metric_families

from chassis.metrics import Metrics
from hub.webhooks import dealing
from hub.webhooks.watching import NAMED, OTHER, Instruments
from testkit.harness import Harness
from testkit.webhook_receiver import Receiver, accept, status


def samples(metrics: Metrics) -> dict[str, float]:
    """Samples about webhooks, by name and labels."""
    return {
        " ".join([sample.name.removeprefix("ltc_webhook_"), *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
        if sample.name.startswith("ltc_webhook_")
    }


async def told(hub: Harness) -> dict[str, float]:
    metrics = Metrics("hub", instance="1")
    await Instruments(metrics).report(hub.database.engine)
    return samples(metrics)


async def dealt_out(hub: Harness) -> None:
    async with hub.transaction() as tx:
        await dealing.deal_out(tx)


async def test_webhook_metrics_count_attempts_and_outcomes_separately(
    hub: Harness, receiver: Receiver
) -> None:
    await an_endpoint(hub, receiver.url())
    metrics = Metrics("hub", instance="1")
    receiver.behave = status(500)
    async with dispatching(hub, metrics):
        before = samples(metrics)
        await facts(hub, 1)
        await until(hub, "SELECT 1 FROM attempt")
        receiver.behave = accept
        await make_due(hub)
        await settled(hub, "delivered", 1)
        await until(hub, "SELECT 1 FROM attempt HAVING count(*) = 2")
    after = samples(metrics)
    assert before["deliveries_total given_up"] == 0  # there, so that the first is an increase
    assert after["attempts_total rejected"] == after["attempts_total accepted"] == 1
    assert after["deliveries_total delivered"] == 1
    assert after["deliveries_total given_up"] == 0


async def test_webhook_metrics_name_the_largest_backlogs_and_sum_the_rest(
    hub: Harness, receiver: Receiver
) -> None:
    quiet = await an_endpoint(hub, receiver.url(), filter={"stages": ["quote"]})
    busy = [await an_endpoint(hub, receiver.url()) for _ in range(NAMED + 3)]
    await facts(hub, 2)
    await dealt_out(hub)

    found = await told(hub)
    named = {key.split()[1] for key in found if key.startswith("endpoint_backlog ")}
    assert len(named) == NAMED + 1
    assert named - {OTHER} < {made["id"] for made in busy}
    assert quiet["id"] not in named
    assert found[f"endpoint_backlog {OTHER}"] == 3 * 2
    assert found["backlog"] == (NAMED + 3) * 2

    await hub.execute("UPDATE delivery SET state = 'delivered', turn = false, ended_at = now()")
    assert {k: v for k, v in (await told(hub)).items() if k.startswith("endpoint_backlog")} == {
        f"endpoint_backlog {OTHER}": 0
    }


async def test_webhook_metrics_measure_delay_of_accepting_receivers_only(
    hub: Harness, receiver: Receiver
) -> None:
    """Deliveries to failing or disabled endpoints do not count, nor do those that wait for their
    next attempt."""
    made = await an_endpoint(hub, receiver.url())
    await facts(hub, 1)
    await dealt_out(hub)
    before = time.monotonic()
    await hub.execute("UPDATE delivery SET next_at = now() - interval '5 minutes'")
    late = await told(hub)
    since = time.monotonic() - before
    await hub.execute("UPDATE endpoint SET failing_since = now()")
    failing = await told(hub)
    await hub.execute("UPDATE endpoint SET failing_since = NULL, enabled = false")
    off = await told(hub)
    await hub.execute("UPDATE endpoint SET enabled = true")
    await hub.execute("UPDATE delivery SET next_at = now() + interval '5 minutes'")
    early = await told(hub)

    assert 300 <= late["due_age_seconds"] <= 300 + since
    assert [found["due_age_seconds"] for found in (failing, off, early)] == [0, 0, 0]
    assert [found["endpoints_failing"] for found in (late, failing, off)] == [0, 1, 0]
    assert [found["endpoints_disabled"] for found in (late, failing, off)] == [0, 0, 1]
    assert late[f"endpoint_backlog {made['id']}"] == 1
