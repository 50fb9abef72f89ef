"""The feed folded into states: what each aggregate is now, as its facts tell of it.

One instance folds at a time, in the order of the feed, so a state is never older than the place in
the feed that it claims. The states go to Kafka through the outbox, like any fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from chassis import bulk
from chassis.db import Database
from chassis.outbox import DERIVED, shard_of
from chassis.tables import OutboxRow, table_of
from chassis.timer_failures import note_within
from chassis.transaction import Transaction
from contracts.envelope import Envelope
from contracts.ids import derived_id
from contracts.states import tells_of_state
from hub.cursors import Cursor
from hub.storage import SnapshotRow, StatePartitionRow

AT_ONCE = 2_000
"""Facts folded, and states said, in one transaction."""

TURN = "SELECT pg_try_advisory_xact_lock(hashtextextended('fold', 0))"
FOLDED = "SELECT position, at FROM fold"
NEXT = """
SELECT position, seen_at, event_id, type, stage, subject, sequence, journey_id, said_at, partition,
       kafka_offset, data
FROM feed WHERE position > $1 AND seen_at > $2 ORDER BY position LIMIT $3
"""
ANY_UNFOLDED = """
(SELECT position FROM feed ORDER BY position DESC LIMIT 1) > (SELECT position FROM fold)
OR EXISTS (SELECT 1 FROM state_partition WHERE said < folded)
"""
KNOWN = """
SELECT aggregate_id, stage, journey_id, sequence, event_id, said_at, partition, kafka_offset, data
FROM snapshot WHERE (stage, aggregate_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))
"""
ADVANCE = "UPDATE fold SET position = $1, at = $2"
CONDITION = "state_partition.folded < excluded.folded"
UNACKNOWLEDGED = """
SELECT topic FROM outbox WHERE aggregatetype = $1
UNION SELECT topic FROM outbox_dead WHERE topic LIKE 'ltc.%.state.v1' AND skipped_at IS NULL
"""
DUE = """
SELECT s.aggregate_id, s.stage, s.journey_id, s.sequence, s.event_id, s.said_at, s.partition,
       s.kafka_offset, s.data, p.whole
FROM snapshot s JOIN state_partition p ON p.stage = s.stage AND p.partition = s.partition
WHERE p.stage = $1 AND s.kafka_offset > p.said
ORDER BY s.partition, s.kafka_offset LIMIT $2
"""
SAID = """
UPDATE state_partition p SET said = n.said
FROM unnest($2::integer[], $3::bigint[]) n(partition, said)
WHERE p.stage = $1 AND p.partition = n.partition
"""
SAID_ALL = "UPDATE state_partition SET said = folded, whole = folded WHERE stage = $1"
STAGES_DUE = "SELECT DISTINCT stage FROM state_partition WHERE said < folded ORDER BY stage"


Place = tuple[str, UUID]
"""The stage and the id: of a contract, billing tells in a sequence of its own."""


def fold_into(
    states: dict[Place, dict[str, Any]],
    facts: Iterable[Any],
    unreadable: dict[UUID, Exception] | None = None,
) -> dict[Place, Any]:
    """Take facts into the states, in their order; returns those that changed. A fact whose sequence
    is not above the state's is in it already, or came too late for anybody. One whose data cannot
    be merged changes nothing and is noted."""
    changed: dict[Place, dict[str, Any]] = {}
    for fact in facts:
        place = (fact["stage"], fact["subject"])
        state = states.get(place)
        if state is not None and fact["sequence"] <= state["sequence"]:
            continue
        before = state["data"] if state is not None else {}
        try:
            after = orjson.loads(fact["data"]) if tells_of_state(fact["type"]) else {}
            data = {**before, **after}
        except (orjson.JSONDecodeError, TypeError) as error:
            if unreadable is None:
                raise
            unreadable[fact["event_id"]] = error
            continue
        states[place] = changed[place] = {
            "aggregate_id": fact["subject"],
            "stage": fact["stage"],
            "journey_id": fact["journey_id"],
            "sequence": fact["sequence"],
            "event_id": fact["event_id"],
            "said_at": fact["said_at"],
            "partition": fact["partition"],
            "kafka_offset": fact["kafka_offset"],
            "data": data,
        }
    return changed


async def fold(tx: Transaction) -> int:
    """Fold what the feed has gained and say the states that changed; returns how many facts there
    were when there may be more at once, otherwise 0."""
    if not (await tx.scalar_row(TURN))[0]:
        return 0
    position, at = await tx.scalar_row(FOLDED)
    since = Cursor(position, at).since
    rows = await tx.read(NEXT, position, since, AT_ONCE)
    if rows:
        await _take(tx, rows)
    if len(rows) == AT_ONCE:
        return len(rows)
    # All that was committed is folded, whole transactions: up to here a state may claim its place.
    await _say(tx)
    return 0


async def _take(tx: Transaction, rows: Sequence[Any]) -> None:
    stages, subjects = zip(*{(row["stage"], row["subject"]) for row in rows}, strict=True)
    known = {
        (row["stage"], row["aggregate_id"]): {**dict(row), "data": orjson.loads(row["data"])}
        for row in await tx.read(KNOWN, list(stages), list(subjects))
    }
    unreadable: dict[UUID, Exception] = {}
    changed = fold_into(known, rows, unreadable)
    for event_id, error in unreadable.items():
        await note_within(tx, "fold_states", event_id, error)
    writes = bulk.Writes()
    if changed:
        states = [{**s, "data": orjson.dumps(s["data"]).decode()} for s in changed.values()]
        writes.upsert(table_of(SnapshotRow), states, key=("stage", "aggregate_id"))
    reached: dict[tuple[str, int], int] = {}
    for row in rows:
        place = (row["stage"], row["partition"])
        reached[place] = max(reached.get(place, -1), row["kafka_offset"])
    partitions = [
        {"stage": stage, "partition": partition, "folded": offset, "said": -1, "whole": -1}
        for (stage, partition), offset in reached.items()
    ]
    writes.upsert(
        table_of(StatePartitionRow),
        partitions,
        key=("stage", "partition"),
        keep=("said", "whole"),
        where=CONDITION,
    )
    writes.add(ADVANCE, rows[-1]["position"], rows[-1]["seen_at"])
    await writes.run(tx.connection)


async def _say(tx: Transaction) -> None:
    """Put states into the outbox, of stages whose last ones Kafka has acknowledged: only then may
    the next ones claim what those told."""
    waiting = {row[0] for row in await tx.read(UNACKNOWLEDGED, DERIVED)}
    for (stage,) in await tx.read(STAGES_DUE):
        topic = f"ltc.{stage}.state.v1"
        if topic in waiting:
            continue
        due = await tx.read(DUE, stage, AT_ONCE)
        for state in due:
            tx.insert(OutboxRow, **_outbox_row(topic, state, tx.now))
        if len(due) < AT_ONCE:
            await bulk.execute(tx.connection, SAID_ALL, stage)
        else:
            said = {row["partition"]: row["kafka_offset"] for row in due}
            await bulk.execute(tx.connection, SAID, stage, list(said), list(said.values()))
        if due:
            database: Database = tx.database  # type: ignore[assignment]
            tx.after_commit.append(database.said.set)


def _outbox_row(topic: str, state: Any, now: datetime) -> dict[str, Any]:
    key, envelope = str(state["aggregate_id"]), state_envelope(state)
    headers = {name: value.decode() for name, value in envelope.to_headers()}
    headers["ltc_position"] = str(state["whole"])
    return {
        "id": envelope.id,
        "shard": shard_of(topic, key),
        "topic": topic,
        "key": key,
        "aggregatetype": DERIVED,
        "aggregateid": key,
        "aggregate_version": state["sequence"],
        "type": topic,
        "headers": orjson.dumps(headers).decode(),
        "payload": state["data"].encode(),
        "created_at": now,
    }


def state_envelope(state: Any) -> Envelope:
    """What is said about a state, beside the state: its time and sequence are the last fact's, and
    said again it has the same id."""
    return Envelope(
        id=derived_id(state["event_id"], "state"),
        type=f"ltc.{state['stage']}.state.v1",
        source="/ltc/hub",
        subject=str(state["aggregate_id"]),
        time=state["said_at"],
        sequence=state["sequence"],
        journey_id=state["journey_id"],
        causation_id=state["event_id"],
    )
