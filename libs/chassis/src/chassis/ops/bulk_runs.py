"""Retry or skip of all keys that fail alike, at a limited rate, until done, paused or cancelled.

A skip gives messages up for good, so it is proposed first and begins when a second person approves
it. The keys are stored first; each portion of them is acted on and marked in one transaction. A run
therefore continues after a crash where it was, and any number of instances share it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from chassis import bulk
from chassis.audit import audit
from chassis.auth import Actor
from chassis.domain import NotFound
from chassis.http import TransactionalRoute, Tx
from chassis.ops.acts import ConsumerName, Fixer, Looker, Reason, locked_head
from chassis.ops.failures import FAILED
from chassis.ops.retry import retry_head, skip_head
from chassis.ops.rows import BulkItemRow, BulkRunRow
from chassis.problems import Problem
from chassis.tables import table_of
from chassis.timers import Timer
from chassis.transaction import Transaction
from contracts.ids import new_id

router = APIRouter(route_class=TransactionalRoute)

PORTION_S = 0.5
"""How long the rate of a run gives for one portion."""
MOST = 10_000

ALIKE = f"""
SELECT topic, key, event_id, messages FROM ({FAILED}) f WHERE fingerprint = $2
ORDER BY parked_at, topic, key LIMIT $3
"""  # noqa: S608 - constants of this module
DUE = """
SELECT id, action, reason, actor_sub, actor_name, per_second, next_at FROM bulk_run
WHERE status = 'running' AND next_at <= $1 ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
LOCK = "SELECT status, actor_sub FROM bulk_run WHERE id = $1 FOR UPDATE"
NEXT = """
SELECT n, topic, key, event_id FROM bulk_item WHERE run_id = $1 AND outcome IS NULL
ORDER BY n LIMIT $2
"""
ANY_DUE = "(SELECT min(next_at) FROM bulk_run WHERE status = 'running') <= clock.now"
TICK_OFF = """
UPDATE bulk_item i SET outcome = t.outcome, acted_at = $4
FROM unnest($2::int[], $3::text[]) AS t(n, outcome) WHERE i.run_id = $1 AND i.n = t.n
"""
_PROGRESS = """
SELECT r.id, r.action, r.fingerprint, r.reason, r.actor_sub, r.actor_name, r.per_second, r.status,
       r.created_at, r.finished_at, count(i.n) AS keys,
       count(i.n) FILTER (WHERE i.outcome = 'acted') AS acted,
       count(i.n) FILTER (WHERE i.outcome = 'moved_on') AS moved_on,
       count(i.n) FILTER (WHERE i.outcome IS NULL) AS left
FROM bulk_run r LEFT JOIN bulk_item i ON i.run_id = r.id
WHERE r.id = ANY({runs}) GROUP BY r.id ORDER BY r.finished_at IS NOT NULL, r.id DESC
"""
SHOW = _PROGRESS.format(runs="ARRAY[$1::uuid]")
LIST = _PROGRESS.format(
    runs="ARRAY(SELECT id FROM bulk_run ORDER BY finished_at IS NOT NULL, id DESC LIMIT $1)"
)


class Many(Reason):
    """Why, and how carefully."""

    dry_run: bool = False
    per_second: int = Field(default=10, ge=1, le=1000)
    limit: int = Field(default=1000, ge=1, le=MOST)


Status = Literal["proposed", "running", "paused", "cancelled", "done"]


class Started(BaseModel):
    """The run that was made; id and status are null for a dry run."""

    id: UUID | None
    status: Status | None
    dry_run: bool
    keys: int
    messages: int


class BulkRun(BaseModel):
    """How far an act on many keys is."""

    id: UUID
    action: Literal["retry", "skip"]
    fingerprint: str
    reason: str
    actor_sub: str
    actor_name: str
    per_second: int
    status: Status
    created_at: datetime
    finished_at: datetime | None
    keys: int
    acted: int
    moved_on: int
    """Keys that did not wait at the same message any more when their turn came."""
    left: int


@router.post(
    "/failures/{fingerprint}/retry",
    status_code=202,
    operation_id="retryFailures",
    responses={200: {"model": Started, "description": "A dry run: nothing was begun"}},
)
async def retry_failures(
    actor: Fixer, tx: Tx, consumer: ConsumerName, fingerprint: str, body: Many, response: Response
) -> Started:
    """Try all keys that fail alike again, so many a second."""
    return await _start(tx, actor, consumer, "retry", fingerprint, body, response)


@router.post(
    "/failures/{fingerprint}/skip",
    status_code=202,
    operation_id="skipFailures",
    responses={200: {"model": Started, "description": "A dry run: nothing was proposed"}},
)
async def skip_failures(
    actor: Fixer, tx: Tx, consumer: ConsumerName, fingerprint: str, body: Many, response: Response
) -> Started:
    """Propose to give up the message that each of the keys waits at, so many a second. Nothing is
    skipped until a second person approves the run (`/ops/bulk/{run_id}/approve`)."""
    return await _start(tx, actor, consumer, "skip", fingerprint, body, response)


@router.get("/bulk", operation_id="listBulkRuns")
async def list_runs(
    _: Looker, tx: Tx, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> list[BulkRun]:
    """Acts on many: those that are not at their end first, then the newest."""
    return [BulkRun(**dict(row)) for row in await tx.read(LIST, limit)]


@router.get("/bulk/{run_id}", operation_id="showBulkRun")
async def show_run(_: Looker, tx: Tx, run_id: UUID) -> BulkRun:
    """How far it is."""
    return await _shown(tx, run_id)


@router.post("/bulk/{run_id}/approve", operation_id="approveBulkRun")
async def approve(actor: Fixer, tx: Tx, run_id: UUID, body: Reason) -> BulkRun:
    """Begin a skip that somebody else proposed."""
    return await _change(tx, actor, run_id, "approve", ("proposed",), "running", body.reason)


@router.post("/bulk/{run_id}/pause", operation_id="pauseBulkRun")
async def pause(actor: Fixer, tx: Tx, run_id: UUID, body: Reason) -> BulkRun:
    """Act on no further key until it is resumed."""
    return await _change(tx, actor, run_id, "pause", ("running",), "paused", body.reason)


@router.post("/bulk/{run_id}/resume", operation_id="resumeBulkRun")
async def resume(actor: Fixer, tx: Tx, run_id: UUID, body: Reason) -> BulkRun:
    """Go on with what was paused."""
    return await _change(tx, actor, run_id, "resume", ("paused",), "running", body.reason)


@router.post("/bulk/{run_id}/cancel", operation_id="cancelBulkRun")
async def cancel(actor: Fixer, tx: Tx, run_id: UUID, body: Reason) -> BulkRun:
    """Act on no further key; of a proposed run, on none. What was done stays done."""
    return await _change(
        tx, actor, run_id, "cancel", ("proposed", "running", "paused"), "cancelled", body.reason
    )


async def _start(
    tx: Transaction,
    actor: Actor,
    consumer: str,
    action: str,
    fingerprint: str,
    how: Many,
    response: Response,
) -> Started:
    found = await tx.read(ALIKE, consumer, fingerprint, how.limit)
    if not found:
        raise NotFound(f"nothing fails like {fingerprint} here")
    messages = sum(row["messages"] for row in found)
    if how.dry_run:
        response.status_code = 200
        return Started(id=None, status=None, dry_run=True, keys=len(found), messages=messages)
    run_id = new_id()
    status: Status = "proposed" if action == "skip" else "running"
    tx.insert(
        BulkRunRow,
        id=run_id,
        action=action,
        fingerprint=fingerprint,
        reason=how.reason,
        actor_sub=actor.sub,
        actor_name=actor.name,
        per_second=how.per_second,
        status=status,
        next_at=tx.now,
        created_at=tx.now,
        finished_at=None,
    )
    items = [
        {
            "run_id": run_id,
            "n": n,
            "topic": row["topic"],
            "key": row["key"],
            "event_id": row["event_id"],
            "outcome": None,
            "acted_at": None,
        }
        for n, row in enumerate(found)
    ]
    await bulk.insert(tx.connection, table_of(BulkItemRow), items)
    audit(
        tx,
        actor,
        f"{action} many",
        "failures",
        fingerprint,
        after={
            "run": str(run_id),
            "status": status,
            "keys": len(found),
            "per_second": how.per_second,
        },
        reason=how.reason,
    )
    return Started(id=run_id, status=status, dry_run=False, keys=len(found), messages=messages)


async def _shown(tx: Transaction, run_id: UUID) -> BulkRun:
    row = await tx.scalar_row(SHOW, run_id)
    if row is None:
        raise NotFound(f"there is no bulk run {run_id}")
    return BulkRun(**dict(row))


async def _change(
    tx: Transaction,
    actor: Actor,
    run_id: UUID,
    verb: str,
    possible: tuple[str, ...],
    status: str,
    reason: str,
) -> BulkRun:
    """Waits for the portion that is under way: after the response nothing more is done."""
    row = await tx.scalar_row(LOCK, run_id)
    if row is None:
        raise NotFound(f"there is no bulk run {run_id}")
    if row["status"] not in possible:
        raise Problem(409, f"the run is {row['status']}: cannot {verb} it", type="not-possible-now")
    if verb == "approve" and row["actor_sub"] == actor.sub:
        raise Problem(
            403, "who proposed a skip of many does not approve it", type="second-person-needed"
        )
    finished = tx.now if status == "cancelled" else None
    await bulk.execute(
        tx.connection,
        "UPDATE bulk_run SET status = $2, finished_at = $3 WHERE id = $1",
        run_id,
        status,
        finished,
    )
    audit(
        tx,
        actor,
        verb,
        "bulk",
        str(run_id),
        before={"status": row["status"]},
        after={"status": status},
        reason=reason,
    )
    return await _shown(tx, run_id)


def timer(consumer: str) -> Timer:
    """What acts on portions, on every instance of a service."""

    async def tick(tx: Transaction) -> int:
        return await act_on_portion(tx, consumer)

    return Timer("bulk", tick, ANY_DUE, pause_s=PORTION_S)


async def act_on_portion(tx: Transaction, consumer: str) -> int:
    """Act on the next keys of one run, as many as its rate allows for in the time of a portion."""
    run = await tx.scalar_row(DUE, tx.now)
    if run is None:
        return 0
    portion = max(1, int(run["per_second"] * PORTION_S))
    items = await tx.read(NEXT, run["id"], portion)
    if not items:
        await bulk.execute(
            tx.connection,
            "UPDATE bulk_run SET status = 'done', finished_at = $2 WHERE id = $1",
            run["id"],
            tx.now,
        )
        return 0
    outcomes = [await _act(tx, consumer, run, item) for item in items]
    await bulk.execute(
        tx.connection, TICK_OFF, run["id"], [item["n"] for item in items], outcomes, tx.now
    )
    await bulk.execute(
        tx.connection,
        "UPDATE bulk_run SET next_at = $2 WHERE id = $1",
        run["id"],
        tx.now + timedelta(seconds=len(items) / run["per_second"]),
    )
    return len(items)


async def _act(tx: Transaction, consumer: str, run: Any, item: Any) -> str:
    """Act on one key, when it still waits at the message that the person saw."""
    lane = (item["topic"], item["key"])
    head = await locked_head(tx.connection, consumer, lane)
    if head is None or head.event_id != item["event_id"]:
        return "moved_on"
    actor = Actor(sub=run["actor_sub"], name=run["actor_name"])
    act: Callable[..., Any] = retry_head if run["action"] == "retry" else skip_head
    try:
        await act(tx, actor, consumer, lane, head, f"{run['reason']} (bulk {run['id']})")
    except Problem:
        return "moved_on"  # somebody holds it
    return "acted"
