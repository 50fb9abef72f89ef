"""Gauges that a service reads from its database: overdue gates, open transactions."""

from __future__ import annotations

import asyncio
import time

import pytest
from box_service import announced
from prometheus_client.parser import text_string_to_metric_families

from chassis import queues
from chassis.runtime import Runtime
from testkit.harness import Harness
from testkit.service_instances import eventually

CLOCK_S = 0.001
"""The greatest difference between two clocks of one machine."""


async def samples(box_svc: Harness, *names: str) -> dict[str, float]:
    """Samples that are not zero, by name and labels, after a read of the database."""
    metrics = box_svc.app.state.metrics
    await queues.report(box_svc.database, metrics)
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
        if sample.name in names and sample.value
    }


@pytest.mark.parametrize(
    ("keeper", "who"),
    [(None, "role:packer"), ("ada@example.com", "person")],
)
async def test_gauges_count_overdue_gates_by_role_and_name_no_person(
    box_svc: Harness, keeper: str | None, who: str
) -> None:
    await box_svc.receives(announced(keeper))
    names = ("ltc_gate_overdue", "ltc_gate_late", "ltc_gate_late_age_seconds")
    assert await samples(box_svc, *names) == {}

    await box_svc.let_gates_lapse()
    found = await samples(box_svc, *names)
    age = found.pop(f"ltc_gate_late_age_seconds unpacking {who}")
    assert found == {"ltc_gate_overdue": 1, f"ltc_gate_late unpacking {who}": 1}
    assert age == pytest.approx(time.time() - 1577836800, rel=0.01)  # since 2020

    await box_svc.execute("UPDATE gate SET cleared_at = now()")
    assert await samples(box_svc, *names) == {}


async def test_gauges_show_the_age_of_an_open_transaction(box_svc: Harness) -> None:
    """Also an idle transaction counts: its snapshot delays vacuum all the same."""
    name = "ltc_db_oldest_transaction_seconds"
    began = time.time()
    async with box_svc.transaction() as tx:
        await tx.read("SELECT 1")
        first = (await samples(box_svc, name))[name]
        later = (await samples(box_svc, name))[name]
        ended = time.time()
    assert 0 < first < later <= ended - began + CLOCK_S

    async def over() -> bool:
        return (await samples(box_svc, name)).get(name, 0) < later

    await eventually(over, True)


async def test_gauges_are_read_from_the_database_when_metrics_are_asked_for(
    box_svc: Harness,
) -> None:
    await box_svc.receives(announced(None))
    app = box_svc.app
    app.state.runtime = Runtime(
        box_svc.service, box_svc.settings, box_svc.database, app.state.metrics
    )
    app.state.ready = True
    async with box_svc.client() as anybody:
        text = (await anybody.get("/metrics")).text
    assert "ltc_gate_open 1.0" in text


async def test_gauges_are_read_once_for_all_who_ask_at_a_time() -> None:
    read = 0

    async def slow() -> None:
        nonlocal read
        read += 1
        await asyncio.sleep(0.05)

    gauges = queues.Gauges()
    gauges.readers.append(slow)
    await asyncio.gather(*(gauges.refresh() for _ in range(5)))
    assert read == 1


async def test_gauges_are_read_although_another_reader_fails() -> None:
    read = 0

    async def failing() -> None:
        raise ConnectionError("no database")

    async def sound() -> None:
        nonlocal read
        read += 1

    gauges = queues.Gauges()
    gauges.readers += [failing, sound]
    await gauges.refresh()
    assert read == 1
