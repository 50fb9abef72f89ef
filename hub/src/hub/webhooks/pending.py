"""What is pending: added, given its turn, asked for again, dropped.

Everything that changes what is pending holds the one row of ``fan_out`` until it commits. So the
first pending delivery of an aggregate is known without looking, and any number of instances may
deal out, send and record at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from chassis import bulk
from chassis.tables import table_of
from chassis.transaction import Transaction
from hub.webhooks.retrying import State
from hub.webhooks.selection import Running
from hub.webhooks.storage import DeliveryRow

HOLD = "SELECT position, at FROM fan_out FOR UPDATE"
HOLD_LIGHTLY = """
SELECT position, at, set_config('synchronous_commit', 'off', true) FROM fan_out FOR UPDATE
"""
"""Without waiting for the disk at the commit: what a crash of the database takes back is done
again, and a receiver knows what it had by its id."""
GIVE_TURNS = """
UPDATE delivery d SET turn = true
FROM unnest($1::uuid[], $2::uuid[]) AS a(endpoint_id, subject)
CROSS JOIN LATERAL (
  SELECT p.endpoint_id, p.event_id FROM delivery p
  WHERE p.endpoint_id = a.endpoint_id AND p.subject = a.subject AND p.state = 'pending'
  ORDER BY p.position LIMIT 1) first
WHERE d.endpoint_id = first.endpoint_id AND d.event_id = first.event_id AND NOT d.turn
"""
"""Whatever stands first of these aggregates is next."""
ANEW = """
ON CONFLICT (endpoint_id, event_id) DO UPDATE SET state = excluded.state, turn = excluded.turn,
  attempts = 0, next_at = excluded.next_at, ended_at = NULL,
  replay_id = CASE WHEN delivery.state = 'pending' THEN delivery.replay_id
                   ELSE excluded.replay_id END
"""
"""What is being sent goes on; what is on its way is not the replay's, which might be cancelled."""
LOSE_TURNS = """
UPDATE delivery d SET turn = false, lease = NULL, leased_until = NULL
FROM unnest($2::uuid[], $3::bigint[]) AS a(subject, position)
WHERE d.endpoint_id = $1 AND d.subject = a.subject AND d.state = 'pending' AND d.turn
  AND d.position > a.position
"""
"""Of what stands behind: also what is being sent, which is sent once more when its turn comes."""
ON_THE_WAY = """
SELECT event_id, replay_id FROM delivery
WHERE endpoint_id = $1 AND event_id = ANY($2::uuid[]) AND (state = 'pending' OR replay_id = $3)
"""
COUNT = "UPDATE replay SET matched = matched + $2, queued = queued + $3 WHERE id = $1"
DROP = """
UPDATE delivery SET state = 'dropped', turn = false, ended_at = $2
WHERE replay_id = $1 AND state = 'pending' AND (leased_until IS NULL OR leased_until <= $2)
RETURNING endpoint_id, subject
"""

LET_GO = """
UPDATE delivery d SET state = 'dropped', turn = false, ended_at = $3
FROM unnest($1::uuid[], $2::uuid[]) AS n(endpoint_id, event_id), replay r
WHERE d.endpoint_id = n.endpoint_id AND d.event_id = n.event_id AND d.state = 'pending'
  AND r.id = d.replay_id AND r.state = 'cancelled'
RETURNING d.endpoint_id, d.subject
"""


async def add(
    tx: Transaction,
    pairs: Sequence[tuple[Any, Any]],
    *,
    on_conflict: str,
    replay_id: UUID | None = None,
) -> None:
    """Deliveries of facts to endpoints. The caller holds ``fan_out``."""
    rows = [
        {
            "endpoint_id": endpoint["id"],
            "event_id": fact["event_id"],
            "position": fact["position"],
            "seen_at": fact["seen_at"],
            "subject": fact["subject"],
            "type": fact["type"],
            "state": State.PENDING.value,
            "turn": not endpoint["ordered"],
            "attempts": 0,
            "next_at": tx.now,
            "created_at": tx.now,
            "replay_id": replay_id,
        }
        for endpoint, fact in pairs
    ]
    await bulk.insert(tx.connection, table_of(DeliveryRow), rows, on_conflict=on_conflict)
    await give_turns(tx, {(e["id"], f["subject"]) for e, f in pairs if e["ordered"]})


async def give_turns(tx: Transaction, aggregates: Iterable[tuple[UUID, UUID]]) -> None:
    wanted = sorted(aggregates)
    if wanted:
        endpoints, subjects = zip(*wanted, strict=True)
        await bulk.execute(tx.connection, GIVE_TURNS, list(endpoints), list(subjects))


async def send_again(
    tx: Transaction, endpoint: Any, facts: Sequence[Any], replay_id: UUID | None = None
) -> None:
    """Deliver facts of the feed to an endpoint, whether it had them or not, in their order. What is
    on its way already does not wait for its next attempt."""
    await tx.read(HOLD)
    first: dict[UUID, int] = {}
    for fact in facts:
        first[fact["subject"]] = min(fact["position"], first.get(fact["subject"], fact["position"]))
    if endpoint["ordered"]:
        await bulk.execute(
            tx.connection, LOSE_TURNS, endpoint["id"], list(first), list(first.values())
        )
    pairs = [(endpoint, fact) for fact in facts]
    await add(tx, pairs, on_conflict=ANEW, replay_id=replay_id)


async def send_replayed(tx: Transaction, replay: Running, facts: Sequence[Any]) -> None:
    """Deliver what a replay has come to, less what it has brought forward before. The caller holds
    ``fan_out``."""
    if not facts:
        return
    ids = [fact["event_id"] for fact in facts]
    known = await tx.read(ON_THE_WAY, replay.endpoint_id, ids, replay.id)
    done = {row["event_id"] for row in known if row["replay_id"] == replay.id}
    fresh = [fact for fact in facts if fact["event_id"] not in done]
    await send_again(tx, replay.endpoint, fresh, replay.id)
    queued = len(fresh) - (len(known) - len(done))
    await bulk.execute(tx.connection, COUNT, replay.id, len(fresh), queued)


async def drop_replayed(tx: Transaction, replay_id: UUID, *, ordered: bool) -> None:
    """Send nothing more of a replay but what is being sent. The caller holds ``fan_out``."""
    dropped = await bulk.fetch(tx.connection, DROP, replay_id, tx.now)
    if ordered:
        await give_turns(tx, {(endpoint_id, subject) for endpoint_id, subject in dropped})


async def let_go(tx: Transaction, failed: Sequence[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """Try no more of what failed what was being sent as its replay was cancelled. Endpoints and
    aggregates, of which others are next. The caller holds ``fan_out``."""
    if not failed:
        return set()
    endpoints, events = zip(*failed, strict=True)
    dropped = await bulk.fetch(tx.connection, LET_GO, list(endpoints), list(events), tx.now)
    return {(endpoint_id, subject) for endpoint_id, subject in dropped}
