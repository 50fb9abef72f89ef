"""What waits in the database, as the person on call is told of it."""

from __future__ import annotations

import time

import pytest
from deal_builders import a_lead_qualified
from prometheus_client.parser import text_string_to_metric_families

from chassis import queues
from chassis.testing import Harness
from contracts.parties import Owner


async def told(deal_svc: Harness, *names: str) -> dict[str, float]:
    """Samples that are not zero, by name and labels, after the database was read."""
    metrics = deal_svc.app.state.metrics
    await queues.report(deal_svc.database, metrics)
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
        if sample.name in names and sample.value
    }


@pytest.mark.parametrize(
    ("owner", "who"),
    [(None, "role:sales_rep"), (Owner(sub="ada@house.example", name="Ada"), "person")],
)
async def test_overdue_gates_are_told_by_name_and_role_but_no_person_is(
    deal_svc: Harness, owner: Owner | None, who: str
) -> None:
    await deal_svc.receives(a_lead_qualified().model_copy(update={"owner": owner}))
    names = ("ltc_gate_overdue", "ltc_gate_late", "ltc_gate_late_age_seconds")
    assert await told(deal_svc, *names) == {}

    await deal_svc.let_gates_lapse()
    found = await told(deal_svc, *names)
    age = found.pop(f"ltc_gate_late_age_seconds needs {who}")
    assert found == {"ltc_gate_overdue": 1, f"ltc_gate_late needs {who}": 1}
    assert age == pytest.approx(time.time() - 1577836800, rel=0.01)  # since 2020

    await deal_svc.execute("UPDATE gate SET cleared_at = now()")
    assert await told(deal_svc, *names) == {}


async def test_a_transaction_left_open_is_told_by_its_age(deal_svc: Harness) -> None:
    """Also one that is idle: its snapshot holds up vacuum all the same."""
    name = "ltc_db_oldest_transaction_seconds"
    async with deal_svc.transaction() as tx:
        await tx.read("SELECT 1")
        await deal_svc.execute("SELECT pg_sleep(0.3)")
        assert (await told(deal_svc, name))[name] >= 0.3
    assert (await told(deal_svc, name)).get(name, 0) < 0.3
