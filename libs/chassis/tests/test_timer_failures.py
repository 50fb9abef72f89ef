"""A timer goes on past the rows that it cannot handle, and reports them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from box_service import BoxAnnounced, Boxes

from chassis import queues
from chassis.gates import sweep_overdue
from chassis.timers import Timers, run_once
from chassis.transaction import Transaction
from testkit.harness import Harness

FIRST, SECOND, THIRD = (UUID(int=n) for n in (1, 2, 3))
DUE = """
SELECT id FROM box WHERE body->>'labels' = '[]' AND updated_at <= $1 AND {but_failing}
ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED
"""
LABELLED = "SELECT id FROM box WHERE body->>'labels' <> '[]' ORDER BY id"
NOTED = "SELECT timer, row_id, error_class, tries FROM timer_failure"


async def boxes(box_svc: Harness) -> None:
    await box_svc.receives(*(BoxAnnounced(box_id=b, sender="A") for b in (FIRST, SECOND, THIRD)))


def a_timer(*failing: UUID, error: Exception | None = None) -> Timers:
    timers = Timers()

    @timers.each("true", DUE)
    async def stick(box_id: UUID, tx: Transaction) -> None:
        box = await Boxes(tx).get(box_id)
        await Boxes(tx).save(box.model_copy(update={"labels": (1,)}))
        if box_id in failing:
            raise error or OverflowError("too large")

    return timers


async def test_timer_handles_the_rows_behind_one_that_fails(box_svc: Harness) -> None:
    await boxes(box_svc)
    [timer] = a_timer(FIRST).timers

    assert await run_once(box_svc.database, timer) == 3
    assert await run_once(box_svc.database, timer) == 0, "it is left out until its next try"
    assert await box_svc.rows(LABELLED) == [(SECOND,), (THIRD,)]
    assert await box_svc.rows(NOTED) == [("stick", FIRST, "OverflowError", 1)]

    async with box_svc.client("ops") as ops:
        [shown] = (await ops.get("/ops/timers")).json()
    assert (shown["row_id"], shown["error"]) == (str(FIRST), "too large")
    await queues.report(box_svc.database, box_svc.app.state.metrics)
    assert "ltc_timer_failing 1.0" in box_svc.app.state.metrics.render().decode()


async def test_timer_forgets_a_failure_that_has_passed(box_svc: Harness) -> None:
    await boxes(box_svc)
    [failing], [repaired] = a_timer(FIRST).timers, a_timer().timers
    for _ in range(2):
        await run_once(box_svc.database, failing)
        await box_svc.execute("UPDATE timer_failure SET next_at = now()")
    [(_, _, _, tries)] = await box_svc.rows(NOTED)
    assert tries == 2

    assert await run_once(box_svc.database, repaired) == 1
    assert await box_svc.rows(NOTED) == []
    assert len(await box_svc.rows(LABELLED)) == 3


async def test_timer_blames_no_row_for_a_fault_of_the_surroundings(box_svc: Harness) -> None:
    await boxes(box_svc)
    [timer] = a_timer(FIRST, error=ConnectionError("the database went away")).timers

    with pytest.raises(ConnectionError):
        await run_once(box_svc.database, timer)
    assert await box_svc.rows(NOTED) == []


async def test_gate_sweep_goes_on_past_an_aggregate_that_cannot_be_read(box_svc: Harness) -> None:
    await boxes(box_svc)
    await box_svc.let_gates_lapse()
    await box_svc.execute("UPDATE gate SET overdue_at = NULL")
    await box_svc.execute("UPDATE box SET body = jsonb_set(body, '{gates,0,overdue_at}', 'null')")
    await box_svc.execute("UPDATE box SET body = '{}' WHERE id = $1", FIRST)
    await box_svc.execute(
        "UPDATE gate SET due_at = $2 WHERE aggregate_id = $1",
        FIRST,
        datetime(2019, 1, 1, tzinfo=UTC),
    )
    await box_svc.execute("DELETE FROM outbox")

    assert await sweep_overdue(box_svc.database, {"box": Boxes}) == 2
    assert await box_svc.rows(NOTED) == [("gates", FIRST, "ValidationError", 1)]
