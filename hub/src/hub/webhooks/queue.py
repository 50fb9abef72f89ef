"""What is due: taken by whoever sends, and followed by what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from chassis import bulk
from chassis.tables import table_of
from chassis.transaction import Transaction
from hub.webhooks import pending
from hub.webhooks.retrying import Outcome, State, why_disabled
from hub.webhooks.sending import Result
from hub.webhooks.storage import AttemptRow

WHILE_FAILING = 2
"""Attempts at once while an endpoint accepts nothing."""

TAKE = """
UPDATE delivery d SET lease = $3, leased_until = $4
FROM (
  SELECT c.endpoint_id, c.event_id
  FROM endpoint e
  LEFT JOIN unnest($5::uuid[], $6::int[]) AS b(id, busy) ON b.id = e.id
  CROSS JOIN LATERAL (
    SELECT q.endpoint_id, q.event_id FROM delivery q
    WHERE q.endpoint_id = e.id AND q.turn AND q.next_at <= $1
      AND (q.position = 0 OR e.quiet_until IS NULL OR e.quiet_until <= $1)
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
"""A test, at position 0, is sent even to who wants to be left alone: somebody looks at it now."""
ANY_DUE = """
EXISTS (SELECT 1 FROM endpoint e CROSS JOIN LATERAL (
  SELECT 1 FROM delivery q
  WHERE q.endpoint_id = e.id AND q.turn AND q.next_at <= clock.now
    AND (q.position = 0 OR e.quiet_until IS NULL OR e.quiet_until <= clock.now)
    AND (q.leased_until IS NULL OR q.leased_until <= clock.now)
  ORDER BY q.next_at LIMIT 1) due WHERE e.enabled)
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
QUIET = """
UPDATE endpoint e SET quiet_until = greatest(e.quiet_until, a.until)
FROM unnest($1::uuid[], $2::timestamptz[]) AS a(id, until) WHERE e.id = a.id
"""
SWITCH_OFF = (
    "UPDATE endpoint SET enabled = false, notice = $2, revision = revision + 1 WHERE id = $1"
)
RELEASE = "UPDATE delivery SET lease = NULL, leased_until = NULL WHERE lease = $1"


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
    await tx.read(pending.HOLD_LIGHTLY)
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
    failed = [(d.due.endpoint_id, d.due.event_id) for d in done if d.state == State.PENDING]
    over = {(e, subject) for e, subject, state in moved if state != State.PENDING}
    await pending.give_turns(tx, over | await pending.let_go(tx, failed))
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
    """Note which endpoints fail since when and which want to be left alone, and switch off those
    that have failed too long."""
    outcomes: dict[UUID, list[Outcome]] = {}
    for one in done:
        if one.result is not None:
            outcomes.setdefault(one.due.endpoint_id, []).append(one.result.outcome)
    well = [e for e, seen in outcomes.items() if Outcome.ACCEPTED in seen]
    if well:
        await bulk.execute(tx.connection, WELL, well)
    asked: dict[UUID, timedelta] = {}
    for one in done:
        if one.result is not None and one.result.wait:
            known = asked.get(one.due.endpoint_id, timedelta(0))
            asked[one.due.endpoint_id] = max(known, one.result.wait)
    if asked:
        until = [tx.now + wait for wait in asked.values()]
        await bulk.execute(tx.connection, QUIET, list(asked), until)
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
