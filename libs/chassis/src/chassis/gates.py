"""The sweeper: a wait that lasted longer than agreed becomes a fact."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from chassis import bulk
from chassis.db import Database
from chassis.repository import Repository

OVERDUE = """
SELECT aggregate_id, name, aggregate FROM gate
WHERE cleared_at IS NULL AND overdue_at IS NULL AND due_at < $1 ORDER BY due_at LIMIT $2
"""
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
        async with database.transaction() as tx:
            repository = repositories[table](tx)
            aggregate = await repository.find(aggregate_id)
            gate = aggregate.gate(name) if aggregate else None
            if aggregate is None or gate is None or gate.overdue_at or gate.due_at >= tx.now:
                continue
            await repository.save(aggregate.overrun(name, at=tx.now))
            marked += 1
    return marked
