"""Summaries kept up with the facts: each journey that gained a fact is folded anew, whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import orjson

from chassis import bulk
from chassis.tables import table_of
from chassis.timer_failures import note_within
from chassis.transaction import Transaction
from console.folding import Fact, Summary, fold_readable
from console.storage import JourneyRow

AT_ONCE = 200
"""Journeys folded in one transaction."""

TURN = "SELECT pg_advisory_xact_lock(hashtextextended('summaries', 0))"
"""One instance at a time: of two that read at different moments the later could write first."""
ANY_UNFOLDED = "EXISTS (SELECT 1 FROM unfolded)"
UNFOLDED = f"""
WITH turn AS MATERIALIZED (
  SELECT pg_try_advisory_xact_lock(hashtextextended('summaries', 0)) AS ours)
SELECT DISTINCT journey_id
FROM (SELECT journey_id FROM unfolded u WHERE (SELECT ours FROM turn) AND {{but_failing}}
      ORDER BY journey_id LIMIT {AT_ONCE}) part
"""  # noqa: S608 - constants of this module
"""The oldest journeys first, whose ids tell their time: in no order, new rows take the places of
deleted ones and are found before what has waited longer."""
FOLDED = "DELETE FROM unfolded WHERE journey_id = ANY($1::uuid[])"
COLUMNS = (
    "event_id, type, source, subject, sequence, said_at, causation_id, trace_id, payload,"
    " kafka_partition, kafka_offset"
)
FACTS = f"SELECT journey_id, {COLUMNS} FROM journey_event WHERE journey_id = ANY($1::uuid[])"  # noqa: S608
SETTABLE = [name for name in table_of(JourneyRow).columns.keys() if name != "journey_id"]  # noqa: SIM118
UPSERT = (
    f"ON CONFLICT (journey_id) DO UPDATE SET {', '.join(f'{n} = excluded.{n}' for n in SETTABLE)}"
)


def fact_of(row: Any) -> Fact:
    """A row of `COLUMNS`, as a fact."""
    return Fact(
        event_id=row["event_id"],
        type=row["type"],
        source=row["source"],
        subject=row["subject"],
        sequence=row["sequence"],
        said_at=row["said_at"],
        causation_id=row["causation_id"],
        trace_id=row["trace_id"],
        payload=_document(row["payload"]),
        partition=row["kafka_partition"],
        offset=row["kafka_offset"],
    )


def _document(text: str) -> dict[str, Any]:
    """The payload as it was kept; empty when it was kept before intake read strictly."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


async def facts_of(journeys: Iterable[UUID], tx: Transaction) -> dict[UUID, list[Fact]]:
    """All facts of some journeys."""
    found: dict[UUID, list[Fact]] = defaultdict(list)
    for row in await tx.read(FACTS, list(journeys)):
        found[row["journey_id"]].append(fact_of(row))
    return found


async def fold_all(journeys: Sequence[UUID], tx: Transaction) -> None:
    """Fold journeys that gained facts."""
    await tx.read(TURN)
    # What a transaction under way adds is not seen, not deleted, and folded next time.
    await bulk.execute(tx.connection, FOLDED, list(journeys))
    rows = []
    for journey_id, facts in (await facts_of(journeys, tx)).items():
        summary, unreadable = fold_readable(facts)
        rows += [row_of(journey_id, summary)] if summary else []
        for fact, error in unreadable:
            await note_within(tx, "fold_journeys", fact.event_id, error)
    await bulk.insert(tx.connection, table_of(JourneyRow), rows, on_conflict=UPSERT)


def row_of(journey_id: UUID, summary: Summary) -> dict[str, Any]:
    gate = summary.gates[0] if summary.gates else None
    return {
        "journey_id": journey_id,
        "customer": summary.customer,
        "stage": summary.stage,
        "state": summary.state,
        "gate_stage": gate.stage if gate else None,
        "waits_for": gate.owner if gate else None,
        "due_at": gate.due_at if gate else None,
        "seller": summary.owner.sub if summary.owner else None,
        "seller_team": summary.owner.team if summary.owner else None,
        "last_fact_at": summary.last.said_at,
    }
