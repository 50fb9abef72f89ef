"""Which facts of the feed an endpoint gets again, read in portions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.transaction import Transaction
from hub.webhooks.choosing import Choice

LOOKED_THROUGH = 2000
"""Facts that one portion looks through for what is wanted."""

FACTS = """
SELECT position, seen_at, event_id, type, stage, subject, owner, amount_minor, currency
FROM feed WHERE position > $1 AND position <= $2
  AND seen_at >= coalesce($3::timestamptz, '-infinity')
  AND seen_at < coalesce($4::timestamptz, 'infinity')
  AND ($5::uuid[] IS NULL OR subject = ANY($5)) AND ($6::uuid IS NULL OR journey_id = $6)
ORDER BY position LIMIT $7
"""
RUNNING = """
SELECT r.id, r.endpoint_id, r.position, r.to_position, r.types AS only_types, r.subject,
  r.journey_id, r.from_at, r.to_at, e.ordered, e.types, e.stages, e.owners, e.least_minor,
  e.currency, s.stages AS granted
FROM replay r JOIN endpoint e ON e.id = r.endpoint_id
LEFT JOIN subscriber s ON s.name = e.subscriber
WHERE r.state = 'running' ORDER BY r.looked_at
"""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for again, of what the endpoint wants and its subscriber may have."""

    choice: Choice
    """The endpoint's filter."""
    granted: tuple[str, ...] | None
    """Stages; none: all."""
    types: tuple[str, ...] = ()
    """Patterns. Empty: all."""
    subject: UUID | None = None
    journey_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None

    async def portion(self, tx: Transaction, after: int, upto: int) -> tuple[list[Any], int]:
        """Facts of the next part of the feed, and up to where that is."""
        subjects = None if self.subject is None else [self.subject]
        rows = await self._read(tx, after, upto, subjects, LOOKED_THROUGH)
        reached = rows[-1]["position"] if len(rows) == LOOKED_THROUGH else upto
        return [row for row in rows if self._admits(row)], reached

    async def of_aggregates(
        self, tx: Transaction, after: int, upto: int, subjects: Iterable[UUID]
    ) -> list[Any]:
        """All facts of these aggregates."""
        asked = [s for s in subjects if self.subject in (None, s)]
        rows = await self._read(tx, after, upto, asked, None) if asked else []
        return [row for row in rows if self._admits(row)]

    async def _read(
        self, tx: Transaction, after: int, upto: int, subjects: list[UUID] | None, most: int | None
    ) -> Any:
        asked = (self.since, self.until, subjects, self.journey_id)
        return await tx.read(FACTS, after, upto, *asked, most)

    def _admits(self, fact: Any) -> bool:
        if self.granted is not None and fact["stage"] not in self.granted:
            return False
        return self.choice.admits(fact) and Choice(types=self.types).admits(fact)


@dataclass(frozen=True, slots=True)
class Running:
    """A replay that has not ended."""

    id: UUID
    endpoint_id: UUID
    ordered: bool
    selection: Selection
    position: int
    upto: int

    @classmethod
    def of(cls, row: Any) -> Running:
        granted = None if row["granted"] is None else tuple(row["granted"])
        return cls(
            row["id"],
            row["endpoint_id"],
            row["ordered"],
            Selection(
                Choice.of(row),
                granted,
                tuple(row["only_types"]),
                row["subject"],
                row["journey_id"],
                row["from_at"],
                row["to_at"],
            ),
            row["position"],
            row["to_position"],
        )

    @property
    def endpoint(self) -> dict[str, Any]:
        """What the queue has to know of it."""
        return {"id": self.endpoint_id, "ordered": self.ordered}

    async def rest(self, tx: Transaction, subjects: Iterable[UUID]) -> list[Any]:
        """What is still to come of these aggregates."""
        return await self.selection.of_aggregates(tx, self.position, self.upto, subjects)


async def running(tx: Transaction) -> list[Running]:
    """All of them, first who has waited longest for its turn."""
    return [Running.of(row) for row in await tx.read(RUNNING)]
