"""The aggregates of a unit of work: as they are now, and how they are written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chassis.bulk import Writes
from chassis.domain import Conflict

if TYPE_CHECKING:
    from chassis.repository import Repository
    from chassis.transaction import Transaction


@dataclass(slots=True)
class Tracked:
    """One aggregate within a transaction: as it is now, and how far it has come since loaded."""

    repository: type[Repository[Any]]
    state: Any
    version: int
    revision: int
    created_at: datetime | None
    changed: bool = False

    @property
    def is_new(self) -> bool:
        """Whether the database does not know it yet."""
        return self.created_at is None

    @property
    def wake_key(self) -> str:
        """By what a parked message names it as what it waits for."""
        return f"{self.repository.aggregate.__name__.lower()}:{self.state.id}"


def changed_by_table(tracked: Iterable[Tracked]) -> list[list[Tracked]]:
    """What changed, table by table in id order."""
    groups: dict[str, list[Tracked]] = defaultdict(list)
    for one in tracked:
        if one.changed:
            groups[one.repository.table().name].append(one)
    return [sorted(group, key=lambda t: t.state.id) for _, group in sorted(groups.items())]


def write_aggregates(tx: Transaction, group: Sequence[Tracked], writes: Writes) -> int:
    """Add the rows of one table; a row that somebody else changed meanwhile is not written.
    Returns the place of their count."""
    repository = group[0].repository
    columns = repository(tx).columns
    table = repository.table()
    rows = [
        {
            "id": tracked.state.id,
            "journey_id": tracked.state.journey_id,
            "number": tracked.state.number,
            "version": tracked.version,
            "revision": tracked.revision,
            "created_at": tracked.created_at or tx.now,
            "updated_at": tx.now,
            "body": tracked.state.model_dump_json(),
            **columns(tracked.state),
        }
        for tracked in group
    ]
    current = f"{table.name}.revision = excluded.revision - 1"
    return writes.upsert(table, rows, key=("id",), keep=("created_at",), where=current)


def confirm(group: Sequence[Tracked], written: int, *, now: datetime) -> None:
    """All of them are in the database. Raises Conflict when some are not."""
    if written != len(group):
        name = group[0].repository.table().name
        raise Conflict(f"{len(group) - written} of {len(group)} rows of {name} had changed")
    for tracked in group:
        tracked.changed = False
        tracked.created_at = tracked.created_at or now
