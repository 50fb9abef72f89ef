"""Replays: a part of the feed, of any size, delivered again to one endpoint.

A replay is queued in portions, and none while much of it waits: so it takes no more places than
anything else, what is new goes out meanwhile, and little is in vain when it is cancelled.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from chassis import bulk
from chassis.audit import audit
from chassis.domain import Conflict, NotFound
from chassis.transaction import Transaction
from contracts.ids import new_id
from hub.cursors import SLACK
from hub.webhooks import pending
from hub.webhooks.choosing import Choice
from hub.webhooks.retrying import State
from hub.webhooks.selection import Running, Selection, running
from hub.webhooks.storage import EndpointRow, ReplayRow

AHEAD = 1000
"""Deliveries of a replay that wait at most, but for aggregates that go on meanwhile."""
MOST_RUNNING = 10
"""Replays of one endpoint."""
COUNT_S = 5.0
"""How long a dry run counts."""

TURN = "SELECT pg_try_advisory_xact_lock(hashtextextended('replays', 0))"
BOUNDS = """
SELECT (SELECT min(position) - 1 FROM feed WHERE seen_at >= a.at AND seen_at <= a.at + $3),
  (SELECT max(position) FROM feed WHERE seen_at <= z.at AND seen_at >= z.at - $3)
FROM (SELECT seen_at FROM feed WHERE seen_at >= coalesce($1::timestamptz, '-infinity')
      ORDER BY seen_at LIMIT 1) a(at),
  (SELECT seen_at FROM feed WHERE seen_at < coalesce($2::timestamptz, 'infinity')
   ORDER BY seen_at DESC LIMIT 1) z(at)
"""
"""Positions around a time: whoever came in much later has a higher one."""
GRANTED = "SELECT stages FROM subscriber WHERE name = $1"
HOW_MANY = "SELECT count(*) FROM replay WHERE endpoint_id = $1 AND state = 'running'"
ANY_RUNNING = "EXISTS (SELECT 1 FROM replay WHERE state = 'running')"
PROGRESS = """
SELECT replay_id, state, count(*) FROM delivery WHERE replay_id = ANY($1::uuid[]) GROUP BY 1, 2
"""
STILL_RUNS = "SELECT 1 FROM replay WHERE id = $1 AND state = 'running'"
COME_TO = "UPDATE replay SET position = $2, looked_at = $3 WHERE id = $1"
END = """
UPDATE replay SET state = 'ended', ended_at = $2 WHERE id = ANY($1::uuid[]) AND state = 'running'
"""


class ReplayState(StrEnum):
    """Where a replay is."""

    RUNNING = "running"
    """Something of it is not queued yet, or not delivered yet."""
    ENDED = "ended"
    CANCELLED = "cancelled"


async def select(
    endpoint: EndpointRow,
    tx: Transaction,
    *,
    types: Sequence[str],
    subject: UUID | None,
    journey_id: UUID | None,
    since: datetime | None,
    until: datetime | None,
) -> Selection:
    """What is asked for, of what the endpoint wants and its subscriber may have."""
    grant = await tx.scalar_row(GRANTED, endpoint.subscriber)
    return Selection(
        Choice.of(endpoint.model_dump()),
        None if grant is None or grant["stages"] is None else tuple(grant["stages"]),
        tuple(types),
        subject,
        journey_id,
        since,
        until,
    )


async def _bounds(selection: Selection, tx: Transaction) -> tuple[int, int]:
    """Behind which position, up to which. Nothing there: no positions at all."""
    found = await tx.scalar_row(BOUNDS, selection.since, selection.until, SLACK)
    first, last = found or (0, 0)
    return (first, last) if first < last else (0, 0)


async def count(selection: Selection, tx: Transaction) -> tuple[int, bool]:
    """How many facts that is now, and whether all were counted."""
    position, upto = await _bounds(selection, tx)
    matched, until = 0, time.monotonic() + COUNT_S
    while position < upto and time.monotonic() < until:
        found, position = await selection.portion(tx, position, upto)
        matched += len(found)
    return matched, position >= upto


async def ask(endpoint: EndpointRow, selection: Selection, tx: Transaction) -> ReplayRow:
    """A new replay, of what the feed has now. Raises Conflict for too many at once."""
    await tx.read(pending.HOLD)  # what is dealt out from now on finds it
    if (await tx.scalar_row(HOW_MANY, endpoint.id))[0] >= MOST_RUNNING:
        raise Conflict(f"{MOST_RUNNING} replays of this endpoint run: wait, or cancel one of them")
    position, upto = await _bounds(selection, tx)
    row = ReplayRow(
        id=new_id(),
        endpoint_id=endpoint.id,
        types=list(selection.types),
        subject=selection.subject,
        journey_id=selection.journey_id,
        from_at=selection.since,
        to_at=selection.until,
        from_position=position,
        to_position=upto,
        position=position,
        matched=0,
        queued=0,
        state=ReplayState.RUNNING,
        asked_by=tx.actor.sub,
        created_at=tx.now,
        looked_at=tx.now,
    )
    tx.session.add(row)
    said = row.model_dump(mode="json", include={"types", "subject", "from_at", "to_at"})
    _audit(tx, "replay", row, {**said, "from": position, "to": upto})
    await tx.session.flush()
    return row


def _audit(tx: Transaction, action: str, row: ReplayRow, after: dict[str, Any]) -> None:
    after["replay"] = str(row.id)
    about = str(row.endpoint_id)
    audit(tx, tx.actor, action, "endpoint", about, after=after, journey_id=row.journey_id)


async def find(endpoint: EndpointRow, replay_id: UUID, tx: Transaction) -> ReplayRow:
    """A replay of this endpoint. Raises NotFound."""
    row = await tx.session.get(ReplayRow, replay_id)
    if row is None or row.endpoint_id != endpoint.id:
        raise NotFound(f"there is no replay {replay_id} of this endpoint")
    return row


async def cancel(endpoint: EndpointRow, replay_id: UUID, tx: Transaction) -> ReplayRow:
    """Deliver nothing more of it but what is being sent. Raises NotFound; Conflict when it has
    ended."""
    await tx.read(pending.HOLD)
    row = await find(endpoint, replay_id, tx)
    if row.state != ReplayState.RUNNING:
        raise Conflict(f"the replay is {row.state} since {row.ended_at}")
    await pending.drop_replayed(tx, row.id, ordered=endpoint.ordered)
    row.state, row.ended_at = ReplayState.CANCELLED, tx.now
    _audit(tx, "cancel replay", row, {"matched": row.matched, "queued": row.queued})
    await tx.session.flush()
    return row


async def progress(ids: Sequence[UUID], tx: Transaction) -> dict[UUID, dict[str, int]]:
    """How many deliveries of each replay are in which state."""
    found: dict[UUID, dict[str, int]] = {i: {} for i in ids}
    for replay_id, state, deliveries in await tx.read(PROGRESS, list(ids)):
        found[replay_id][state] = deliveries
    return found


async def deal_replays(tx: Transaction) -> int:
    """Queue the next portion of the replay that has waited longest and of which little waits; how
    many replays went on or ended."""
    if not (await tx.scalar_row(TURN))[0]:
        return 0
    all_ = await running(tx)
    states = await progress([replay.id for replay in all_], tx) if all_ else {}
    waiting = {id_: states[id_].get(State.PENDING, 0) for id_ in states}
    over = [r.id for r in all_ if r.position >= r.upto and not waiting[r.id]]
    if over:
        await tx.read(pending.HOLD)
        await bulk.execute(tx.connection, END, over, tx.now)
        return len(over)
    for replay in all_:
        if replay.position < replay.upto and waiting[replay.id] <= AHEAD // 2:
            await _go_on(replay, AHEAD - waiting[replay.id], tx)
            return 1
    return 0


async def _go_on(replay: Running, most: int, tx: Transaction) -> None:
    """Queue about so many facts. They are looked for before anything is held."""
    found, reached = await replay.selection.portion(tx, replay.position, replay.upto)
    if len(found) > most:
        del found[most:]
        reached = found[-1]["position"]
    await tx.read(pending.HOLD)
    if await tx.read(STILL_RUNS, replay.id):
        await pending.send_replayed(tx, replay, found)
        await bulk.execute(tx.connection, COME_TO, replay.id, reached, tx.now)
