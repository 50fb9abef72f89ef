"""One unit of work: what was loaded, what changed, what was said. Committed as a whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from chassis import bulk, claims, failpoints, pending
from chassis.auth import Actor
from chassis.domain import Aggregate
from chassis.gate_changes import gate_changes
from chassis.numbers import Numbers
from chassis.outbox import Cause, outbox_row
from chassis.tables import table_of
from chassis.trace_context import TraceContext
from chassis.tracked import Tracked, changed_by_table, confirm, write_aggregates
from contracts.event import Event
from contracts.ids import new_id, repeatable_id

if TYPE_CHECKING:
    from chassis.repository import Repository

A = TypeVar("A", bound=Aggregate)


@dataclass(slots=True)
class _Mark:
    """Where a transaction stood, so that one message's effects can be taken back in memory."""

    pending: pending.Mark
    numbers: dict[str, int]
    undo: dict[UUID, Tracked] = field(default_factory=dict)


class Transaction:
    """What a command or consumer gets. Handlers change and say; only the chassis commits.

    ``now`` is the one clock of the unit of work. ``actor`` is who asked: a person, a system, or the
    service itself. Everything written through repositories, ``insert`` and ``publish`` is held in
    memory and flushed in bulk, aggregates before the facts that tell of them.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        *,
        now: datetime,
        actor: Actor,
        source: str,
        database: object = None,
    ) -> None:
        self.database = database
        self.now = now
        self.actor = actor
        self.cause: Cause | None = None
        self.delivery: Any = None
        """The message being handled, with its envelope and bytes; none outside of one."""
        self.used_sql = False
        self.said = 0
        self.woke = False
        self._connection = connection
        self._source = source
        self._session: AsyncSession | None = None
        self._tracked: dict[UUID, Tracked] = {}
        self._pending = pending.Pending()
        self._numbers = Numbers(connection)
        self._ids: dict[UUID, int] = defaultdict(int)
        self._apart: dict[UUID, TraceContext] | None = None
        self._mark: _Mark | None = None
        self._rollback_only = False
        self.after_commit: list[Callable[[], None]] = []

    # --- reading -----------------------------------------------------------------------------

    @property
    def connection(self) -> AsyncConnection:
        """The connection, for SQL that repositories cannot say. Marks the work as not revertible
        in memory, so that a failing message of a batch is isolated by running it alone."""
        self.used_sql = True
        return self._connection

    @property
    def session(self) -> AsyncSession:
        """A SQLModel session on this transaction's connection."""
        self.used_sql = True
        if self._session is None:
            self._session = AsyncSession(
                bind=self._connection, expire_on_commit=False, autoflush=False
            )
        return self._session

    @property
    def journey_id(self) -> UUID:
        """The journey of the message being handled. Raises LookupError outside of one."""
        if self.cause is None:
            raise LookupError("no message is being handled")
        return self.cause.journey_id

    async def read(self, statement: str, *values: Any) -> Any:
        """The rows of a reading statement; leaves the work revertible in memory."""
        return await bulk.fetch(self._connection, statement, *values)

    async def scalar_row(self, statement: str, *values: Any) -> Any:
        """The first row of a reading statement, or none."""
        return await bulk.first(self._connection, statement, *values)

    async def load(self, repository: type[Repository[Any]], aggregate_id: UUID) -> Tracked:
        tracked = self._tracked.get(aggregate_id)
        if tracked is None:
            await self.load_all(repository, (aggregate_id,))
            tracked = self._tracked[aggregate_id]
        return tracked

    async def expect_new(self, repository: type[Repository[Any]], ids: Iterable[UUID]) -> None:
        """Say that these ids were made just now, so that nobody looks them up."""
        for aggregate_id in ids:
            self._tracked.setdefault(aggregate_id, Tracked(repository, None, 0, 0, None))

    async def load_all(self, repository: type[Repository[Any]], ids: Iterable[UUID]) -> None:
        """Load and lock in id order, so that two transactions never wait for each other."""
        wanted = sorted({i for i in ids if i not in self._tracked})
        if not wanted:
            return
        if repository.claimed:
            await claims.share(self._connection, repository, wanted)
        statement = (
            f"SELECT id, version, revision, created_at, body::text FROM {repository.table().name}"  # noqa: S608
            " WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE"
        )
        result = await bulk.fetch(self._connection, statement, wanted)
        parse = repository.aggregate.model_validate_json
        for aggregate_id, version, revision, created_at, body in result:
            self._tracked[aggregate_id] = Tracked(
                repository, parse(body), version, revision, created_at
            )
        for aggregate_id in wanted:
            if aggregate_id not in self._tracked:
                self._tracked[aggregate_id] = Tracked(repository, None, 0, 0, None)

    # --- changing ----------------------------------------------------------------------------

    def keep(self, tracked: Tracked, state: A) -> A:
        """Take the new state of a tracked aggregate, and say what became of its gates."""
        before = tracked.state
        self._change(tracked, state.id)
        kept = state.model_copy(update={"passages": ()}) if state.passages else state
        tracked.state = kept
        if state.gates or (before and before.gates):
            repository = tracked.repository
            table = repository.table().name
            for row, fact in gate_changes(repository.gates, table, before, state):
                self._pending.keep_gate(row)
                self.publish(fact)
        return kept

    def publish(self, fact: Event) -> None:
        """Say a fact about an aggregate that this transaction has saved or loaded."""
        tracked = self._tracked.get(fact.key_value())
        if tracked is None or tracked.state is None:
            raise LookupError(f"{fact.name} tells of {fact.key_value()}, which was not saved")
        self._change(tracked, tracked.state.id)
        tracked.version += 1
        self._pending.say(
            outbox_row(
                fact,
                source=self._source,
                journey_id=tracked.state.journey_id,
                version=tracked.version,
                now=self.now,
                cause=self.cause,
                apart=self._apart,
            )
        )

    def insert(self, table: type[SQLModel], **values: Any) -> None:
        """Append a row with the commit. JSON columns take JSON text; all columns must be given."""
        self._pending.add(table_of(table), values, if_new=False)

    def insert_if_new(self, table: type[SQLModel], **values: Any) -> None:
        """Like `insert`, and silent about a row whose key is there already."""
        self._pending.add(table_of(table), values, if_new=True)

    def trace_apart(self) -> None:
        """Many journeys begin in this one transaction: each gets a trace of its own."""
        self._apart = {}

    def rollback_only(self) -> None:
        """Whatever happens next, nothing of this transaction is kept."""
        self._rollback_only = True

    @property
    def will_roll_back(self) -> bool:
        return self._rollback_only

    def revision_of(self, aggregate_id: UUID) -> int:
        """The aggregate's revision once this transaction has committed: its ETag."""
        return self._tracked[aggregate_id].revision

    async def number(self, series: str, *, width: int = 6) -> str:
        """The next human number, ``D-2026-000123``. Gaps are possible, contention is not."""
        return f"{series}-{self.now.year}-{await self._numbers.of_sequence(series):0{width}d}"

    async def gapless_number(self, series: str) -> int:
        """The next number of a series without gaps. Holds the series until the transaction ends."""
        return await self._numbers.gapless(series)

    def new_id(self) -> UUID:
        """An id for something that this work makes. Handling the same message again, as after a
        restore, makes the same id."""
        if self.cause is None:
            return new_id()
        n = self._ids[self.cause.event_id]
        self._ids[self.cause.event_id] = n + 1
        return repeatable_id(self.cause.event_id, n)

    # --- taking back one message of a batch --------------------------------------------------

    def mark(self) -> None:
        """Begin a stretch that `revert` can take back."""
        self.used_sql = False
        self._mark = _Mark(self._pending.mark(), self._numbers.taken())

    def revert(self) -> None:
        """Take back everything since `mark`. Numbers taken meanwhile are given back as well."""
        mark = self._mark
        if mark is None:
            raise LookupError("nothing was marked")
        self._pending.revert(mark.pending)
        self._numbers.give_back(mark.numbers)
        self._tracked |= mark.undo
        self._mark = None

    def forget(self) -> None:
        """Drop everything held in memory, after a savepoint has taken back what was flushed."""
        self._tracked.clear()
        self._pending.clear()
        self._numbers.give_back({})
        self._session = None
        self._mark = None
        self.said = 0

    def _change(self, tracked: Tracked, aggregate_id: UUID) -> None:
        """Count a change of an aggregate, once; `revert` finds it as it was."""
        if self._mark is not None and aggregate_id not in self._mark.undo:
            self._mark.undo[aggregate_id] = replace(tracked)
        if not tracked.changed:
            tracked.changed = True
            tracked.revision += 1

    # --- writing -----------------------------------------------------------------------------

    async def flush(self) -> None:
        """Write what is held in memory, aggregates, rows, gates and facts, in one statement. Called
        by the chassis before the commit; a handler that reads its own writes may call it too."""
        facts = self._pending.facts
        failpoints.reached("after_begin", facts)
        if self._session is not None:
            await self._session.flush()
        writes = bulk.Writes()
        changed = changed_by_table(self._tracked.values())
        places = [write_aggregates(self, group, writes) for group in changed]
        self._pending.write_rows(writes)
        self._numbers.write(writes)
        woken = self._write_wake(writes, changed)
        self._pending.write_facts(writes)
        counts = await writes.run(self._connection)
        failpoints.reached("after_effect", facts)
        failpoints.reached("after_outbox_insert", facts)
        for group, place in zip(changed, places, strict=True):
            confirm(group, counts[place], now=self.now)
        self.woke = self.woke or (woken is not None and counts[woken] > 0)
        self.said += facts
        self._pending.clear()
        self._mark = None

    def _write_wake(self, writes: bulk.Writes, changed: Sequence[Sequence[Tracked]]) -> int | None:
        """What waited for new aggregates is due now; timed retries remain the safety net."""
        keys = [tracked.wake_key for group in changed for tracked in group if tracked.is_new]
        if not keys:
            return None
        return writes.add(
            "UPDATE parked_key SET next_retry_at = $2 WHERE wake_key = ANY($1::text[])"
            " AND status = 'retrying'",
            keys,
            self.now,
        )
