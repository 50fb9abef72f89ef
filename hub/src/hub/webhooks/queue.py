"""What is to be delivered: dealt out from the feed, taken by whoever sends, and ended.

Everything that changes what is pending holds the one row of ``fan_out`` until it commits. So the
first pending delivery of an aggregate is known without looking, and any number of instances may
deal out, send and record at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from chassis import bulk
from chassis.tables import table_of
from chassis.transaction import Transaction
from hub.cursors import SLACK
from hub.webhooks.choosing import Choice
from hub.webhooks.retrying import Outcome, State, why_disabled
from hub.webhooks.selection import Running, running
from hub.webhooks.sending import Result
from hub.webhooks.storage import AttemptRow, DeliveryRow

PORTION = 1000
"""Facts that are dealt out in one transaction."""
WHILE_FAILING = 2
"""Attempts at once while an endpoint accepts nothing."""

HOLD = "SELECT position, at FROM fan_out FOR UPDATE"
HOLD_LIGHTLY = """
SELECT position, at, set_config('synchronous_commit', 'off', true) FROM fan_out FOR UPDATE
"""
"""Without waiting for the disk at the commit: what a crash of the database takes back is done
again, and a receiver knows what it had by its id."""
BEHIND = """
SELECT position, seen_at, event_id, type, stage, subject, owner, amount_minor, currency
FROM feed WHERE position > $1 AND seen_at > $2 ORDER BY position LIMIT $3
"""
DEALT = "UPDATE fan_out SET position = $1, at = $2"
ENDPOINTS = """
SELECT id, types, stages, owners, least_minor, currency, ordered, from_position FROM endpoint
"""
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
TAKE = """
UPDATE delivery d SET lease = $3, leased_until = $4
FROM (
  SELECT c.endpoint_id, c.event_id
  FROM endpoint e
  LEFT JOIN unnest($5::uuid[], $6::int[]) AS b(id, busy) ON b.id = e.id
  CROSS JOIN LATERAL (
    SELECT q.endpoint_id, q.event_id FROM delivery q
    WHERE q.endpoint_id = e.id AND q.turn AND q.next_at <= $1
      AND (q.leased_until IS NULL OR q.leased_until <= $1)
    ORDER BY q.next_at
    LIMIT greatest(0,
      CASE WHEN e.failing_since IS NULL THEN $2::int ELSE $7::int END - coalesce(b.busy, 0))
    FOR UPDATE SKIP LOCKED) c
  WHERE e.enabled) taken
WHERE d.endpoint_id = taken.endpoint_id AND d.event_id = taken.event_id
RETURNING d.endpoint_id, d.event_id, d.position, d.seen_at, d.subject, d.type, d.attempts,
  d.created_at
"""
CONTENTS = """
SELECT f.position, f.type, f.stage, f.envelope, f.data
FROM unnest($1::bigint[], $2::timestamptz[]) AS w(position, seen_at)
JOIN feed f ON f.seen_at = w.seen_at AND f.position = w.position
"""
SENDERS = """
SELECT e.id, e.url, coalesce(s.personal, false) AS personal, s.stages,
  (SELECT json_agg(json_build_array(k.scheme, k.sealed) ORDER BY k.created_at DESC)
   FROM endpoint_secret k WHERE k.endpoint_id = e.id
     AND (k.expires_at IS NULL OR k.expires_at > $2))::text AS secrets
FROM endpoint e LEFT JOIN subscriber s ON s.name = e.subscriber WHERE e.id = ANY($1::uuid[])
"""
FOLLOW = """
UPDATE delivery d SET state = n.state, turn = (n.state = 'pending'), attempts = n.attempts,
  next_at = coalesce(n.next_at, d.next_at), lease = NULL, leased_until = NULL,
  ended_at = CASE WHEN n.state = 'pending' THEN NULL ELSE $7::timestamptz END
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::timestamptz[])
  AS n(endpoint_id, event_id, state, attempts, next_at)
WHERE d.endpoint_id = n.endpoint_id AND d.event_id = n.event_id AND d.lease = $6
RETURNING d.endpoint_id, d.subject, d.state
"""
"""Only of who still holds the lease: whose ran out, or whose delivery has to wait for an earlier
one since, has nothing more to say about it."""
HEALTH = "SELECT id, failing_since FROM endpoint WHERE id = ANY($1::uuid[]) AND enabled"
WELL = """
UPDATE endpoint SET failing_since = NULL
WHERE id = ANY($1::uuid[]) AND failing_since IS NOT NULL
"""
FAILING = "UPDATE endpoint SET failing_since = $2 WHERE id = $1 AND failing_since IS NULL"
SWITCH_OFF = (
    "UPDATE endpoint SET enabled = false, notice = $2, revision = revision + 1 WHERE id = $1"
)
RELEASE = "UPDATE delivery SET lease = NULL, leased_until = NULL WHERE lease = $1"
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
SELECT event_id, state, replay_id FROM delivery
WHERE endpoint_id = $1 AND event_id = ANY($2::uuid[]) AND (state = 'pending' OR replay_id = $3)
"""
COUNT = "UPDATE replay SET matched = matched + $2, queued = queued + $3 WHERE id = $1"
DROP = """
UPDATE delivery SET state = 'dropped', turn = false, ended_at = $2
WHERE replay_id = $1 AND state = 'pending' AND (leased_until IS NULL OR leased_until <= $2)
RETURNING endpoint_id, subject
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that is ours to send now."""

    endpoint_id: UUID
    event_id: UUID
    position: int
    seen_at: datetime
    subject: UUID
    type: str
    attempts: int
    created_at: datetime

    @property
    def is_test(self) -> bool:
        return self.position == 0


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a delivery, and the attempt; none when there was nothing to send."""

    due: Due
    state: State
    next_at: datetime | None
    at: datetime
    url: str
    headers: dict[str, str]
    body: str
    result: Result | None


async def deal_out(tx: Transaction, portion: int = PORTION) -> tuple[int, int]:
    """Make deliveries of the next facts of the feed; up to which position, and how many facts that
    were."""
    held = await tx.scalar_row(HOLD_LIGHTLY)
    facts = await tx.read(BEHIND, held["position"], held["at"] - SLACK, portion)
    if not facts:
        return held["position"], 0
    endpoints = [(row, Choice.of(row)) for row in await tx.read(ENDPOINTS)]
    pairs = [
        (endpoint, fact)
        for fact in facts
        for endpoint, choice in endpoints
        if fact["position"] > endpoint["from_position"] and choice.admits(fact)
    ]
    await _bring_forward(tx, pairs)
    await _add(tx, pairs, on_conflict="ON CONFLICT DO NOTHING")
    last = facts[-1]
    await bulk.execute(tx.connection, DEALT, last["position"], last["seen_at"])
    return last["position"], len(facts)


async def _bring_forward(tx: Transaction, pairs: Sequence[tuple[Any, Any]]) -> None:
    """Of aggregates that go on while they are replayed, what the replay has not come to yet: it
    goes before what is new of them."""
    for replay in await running(tx):
        subjects = {fact["subject"] for e, fact in pairs if e["id"] == replay.endpoint_id}
        if replay.ordered and subjects:
            await send_replayed(tx, replay, await replay.rest(tx, subjects))


async def _add(
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
    await _give_turns(tx, {(e["id"], f["subject"]) for e, f in pairs if e["ordered"]})


async def _give_turns(tx: Transaction, aggregates: Iterable[tuple[UUID, UUID]]) -> None:
    wanted = sorted(aggregates)
    if wanted:
        endpoints, subjects = zip(*wanted, strict=True)
        await bulk.execute(tx.connection, GIVE_TURNS, list(endpoints), list(subjects))


async def take(
    tx: Transaction, lease: UUID, lease_s: float, busy: dict[UUID, int], most: int
) -> list[Due]:
    """Up to ``most`` due deliveries of each endpoint, less those that are being sent; of one that
    accepts nothing at present no more than a few."""
    rows = await bulk.fetch(
        tx.connection,
        TAKE,
        tx.now,
        most,
        lease,
        tx.now + timedelta(seconds=lease_s),
        list(busy),
        list(busy.values()),
        min(most, WHILE_FAILING),
    )
    return [Due(*row) for row in rows]


async def contents(tx: Transaction, due: Sequence[Due]) -> dict[int, Any]:
    """The facts of deliveries, by position; one that is kept no more is missing."""
    wanted = [d for d in due if not d.is_test]
    rows = await tx.read(CONTENTS, [d.position for d in wanted], [d.seen_at for d in wanted])
    return {row["position"]: row for row in rows}


async def senders(tx: Transaction, due: Sequence[Due]) -> dict[UUID, Any]:
    """Where to send, signed with what, and what may be in it, by endpoint."""
    rows = await tx.read(SENDERS, list({d.endpoint_id for d in due}), tx.now)
    return {row["id"]: row for row in rows}


async def record(tx: Transaction, lease: UUID, done: Sequence[Done]) -> list[str]:
    """Keep what became of deliveries; returns the notices of endpoints that were switched off."""
    await tx.read(HOLD_LIGHTLY)
    attempts = [_attempt(one, one.result) for one in done if one.result is not None]
    await bulk.insert(tx.connection, table_of(AttemptRow), attempts)
    moved = await bulk.fetch(
        tx.connection,
        FOLLOW,
        [d.due.endpoint_id for d in done],
        [d.due.event_id for d in done],
        [d.state.value for d in done],
        [d.due.attempts + (d.result is not None) for d in done],
        [d.next_at for d in done],
        lease,
        tx.now,
    )
    await _give_turns(tx, {(e, subject) for e, subject, state in moved if state != State.PENDING})
    return await _judge(tx, [d for d in done if d.result is not None and not d.due.is_test])


def _attempt(done: Done, result: Result) -> dict[str, Any]:
    return {
        "endpoint_id": done.due.endpoint_id,
        "event_id": done.due.event_id,
        "at": done.at,
        "duration_ms": result.duration_ms,
        "outcome": result.outcome.value,
        "status": result.status,
        "url": done.url,
        "request_headers": orjson.dumps(done.headers).decode(),
        "request_body": done.body,
        "response_headers": orjson.dumps(result.headers).decode(),
        "response_body": result.body,
        "error": result.error,
    }


async def _judge(tx: Transaction, done: Sequence[Done]) -> list[str]:
    """Note which endpoints fail since when, and switch off those that have failed too long."""
    outcomes: dict[UUID, list[Outcome]] = {}
    for one in done:
        if one.result is not None:
            outcomes.setdefault(one.due.endpoint_id, []).append(one.result.outcome)
    well = [e for e, seen in outcomes.items() if Outcome.ACCEPTED in seen]
    if well:
        await bulk.execute(tx.connection, WELL, well)
    ill = [e for e in outcomes if e not in well]
    notices = []
    for row in await tx.read(HEALTH, ill) if ill else []:
        await bulk.execute(tx.connection, FAILING, row["id"], tx.now)
        seen = outcomes[row["id"]]
        worst = Outcome.GONE if Outcome.GONE in seen else seen[-1]
        notice = why_disabled(worst, row["failing_since"] or tx.now, tx.now)
        if notice:
            await bulk.execute(tx.connection, SWITCH_OFF, row["id"], notice)
            notices.append(f"endpoint {row['id']} {notice}")
    return notices


async def release(tx: Transaction, lease: UUID) -> None:
    """Give back what was taken and not sent, so that nobody waits for the lease to run out."""
    await bulk.execute(tx.connection, RELEASE, lease)


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
    await _add(tx, pairs, on_conflict=ANEW, replay_id=replay_id)


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
        await _give_turns(tx, {(endpoint_id, subject) for endpoint_id, subject in dropped})
