"""The sweeper: a wait that lasted longer than agreed becomes a fact."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from chassis import bulk, timer_failures
from chassis.db import Database
from chassis.failures import is_infrastructure
from chassis.repository import Repository
from chassis.timer_failures import but_failing

OVERDUE = """
SELECT aggregate_id, name, aggregate FROM gate
WHERE cleared_at IS NULL AND overdue_at IS NULL AND due_at < $1
  AND {but_failing} ORDER BY due_at LIMIT $2
""".format(but_failing=but_failing("gates", "aggregate_id"))
ANY_OVERDUE = """
(SELECT min(due_at) FROM gate WHERE cleared_at IS NULL AND overdue_at IS NULL) < clock.now
"""


async def sweep_overdue(
    database: Database, repositories: Mapping[str, type[Repository[Any]]], *, limit: int = 100
) -> int:
    """Mark gates past their due time, one transaction each; returns how many were marked.

    The aggregate is locked first and asked again, so that a gate passed meanwhile stays quiet and
    two sweepers never mark the same one twice.
    """
    late: list[tuple[UUID, str, str]] = [
        (row[0], row[1], row[2])
        for row in await bulk.ask(database.engine, OVERDUE, datetime.now(UTC), limit)
    ]
    marked = 0
    for aggregate_id, name, table in late:
        try:
            async with database.transaction() as tx:
                marked += await _mark(repositories[table](tx), aggregate_id, name, tx.now)
                await timer_failures.forget(tx, "gates", [aggregate_id])
        except Exception as error:
            if is_infrastructure(error):
                raise
            await timer_failures.note(database, "gates", aggregate_id, error)
    return marked


async def _mark(repository: Repository[Any], aggregate_id: UUID, name: str, now: datetime) -> bool:
    aggregate = await repository.find(aggregate_id)
    gate = aggregate.gate(name) if aggregate else None
    if aggregate is None or gate is None or gate.overdue_at or gate.due_at >= now:
        return False
    await repository.save(aggregate.overrun(name, at=now))
    return True
