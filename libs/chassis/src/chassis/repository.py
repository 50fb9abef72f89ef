"""Loading and saving aggregates: locked when loaded, written in bulk when the work is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Table

from chassis.domain import Aggregate, NotFound
from chassis.sight import sees
from chassis.tables import AggregateRow, table_of

if TYPE_CHECKING:
    from chassis.transaction import Transaction
    from contracts.journey import GateFacts

A = TypeVar("A", bound=Aggregate)


class Repository(Generic[A]):
    """The aggregates of one table, within one transaction.

    A subclass names its ``aggregate`` and ``row`` and says which ``columns`` its queries filter by.
    What is got stays locked and in memory until the transaction ends, so getting it twice costs
    nothing, and a batch of messages loads all its aggregates in one statement.
    """

    aggregate: ClassVar[type[Any]]
    row: ClassVar[type[AggregateRow]]
    gates: ClassVar[GateFacts]
    claimed: ClassVar[bool] = False
    """Whether a load also keeps ids without a row from being claimed (`chassis.claims`)."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    @classmethod
    def table(cls) -> Table:
        return table_of(cls.row)

    def columns(self, aggregate: A) -> Mapping[str, Any]:
        """What the table shows beside the body, as the driver takes it (JSON as text)."""
        return {}

    async def find(self, aggregate_id: UUID) -> A | None:
        """The aggregate, locked until the transaction ends; none if there is no such."""
        tracked = await self._tx.load(type(self), aggregate_id)
        found: A | None = tracked.state
        return found

    async def get(self, aggregate_id: UUID) -> A:
        """The aggregate, locked until the transaction ends. Raises NotFound, also when it is not
        for the asking person to see."""
        aggregate = await self.find(aggregate_id)
        if aggregate is None or not sees(self._tx.actor, getattr(aggregate, "owner", None)):
            raise NotFound(f"no {self.aggregate.__name__.lower()} {aggregate_id}")
        return aggregate

    async def save(self, aggregate: A) -> A:
        """Keep the new state; it is written with the commit. Gates become rows and facts."""
        tracked = await self._tx.load(type(self), aggregate.id)
        return self._tx.keep(tracked, aggregate)


async def prefetch(tx: Transaction, wanted: Mapping[type[Repository[Any]], Iterable[UUID]]) -> None:
    """Load what a batch needs: one statement per table, tables and ids always in the same order."""
    for repository in sorted(wanted, key=lambda r: r.table().name):
        await tx.load_all(repository, wanted[repository])
