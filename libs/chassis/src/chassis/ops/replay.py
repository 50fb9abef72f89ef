"""Publish facts of this service's event log again, as they were: for a consumer that lost them.

They go through the outbox and the relay like any fact, in the order in which they were said, under
their own ids: whoever has handled them drops them. They are not logged a second time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID

import orjson
from fastapi import APIRouter, Request
from pydantic import BaseModel, model_validator

from chassis import bulk
from chassis.audit import audit
from chassis.domain import NotFound
from chassis.http import TransactionalRoute, Tx
from chassis.ops.acts import Fixer, Reason
from chassis.outbox import DERIVED, shard_of
from chassis.problems import Problem
from chassis.schema import INBOX_DAYS
from chassis.tables import OutboxRow, table_of
from chassis.transaction import Transaction

router = APIRouter(route_class=TransactionalRoute)

MARK = "ltc_replay"
"""The header of a record that was published again."""
MOST = 1000
REMEMBERED = timedelta(days=INBOX_DAYS - 1)
"""Inboxes forget what is older: whoever has handled it would handle it again."""
SENT_WITHIN = timedelta(hours=1)
"""Nearly every fact is in Kafka so soon: only days after are looked for otherwise."""

_COLUMNS = """
SELECT seq, id, topic, key, aggregateid, aggregate_version, type, headers::text AS headers, payload,
       created_at FROM event_log
"""
ONE = f"{_COLUMNS} WHERE published_at >= $2 AND published_at < $3 AND id = $1"
OF_JOURNEY = f"""
{_COLUMNS} WHERE aggregateid = ANY($1::text[]) AND headers->>'ce_correlationid' = $2
ORDER BY seq LIMIT $3
"""


class Which(Reason):
    """One fact or all of a journey, and why."""

    event_id: UUID | None = None
    journey_id: UUID | None = None
    dry_run: bool = False

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.event_id is None) == (self.journey_id is None):
            raise ValueError("name an event_id or a journey_id")
        return self


class SaidAgain(BaseModel):
    """A fact of the log."""

    event_id: UUID
    type: str
    topic: str
    key: str
    sequence: int
    said_at: datetime


class Replay(BaseModel):
    """What is published again, or would be."""

    dry_run: bool
    facts: list[SaidAgain]


@router.post("/replay", operation_id="replayFacts")
async def replay(actor: Fixer, tx: Tx, request: Request, body: Which) -> Replay:
    """Publish facts of this service again, in their order and under their own ids. Every consumer
    hears them; who has handled them drops them."""
    rows = await _logged(tx, request, body)
    _refuse_forgotten(rows, tx.now)
    facts = [
        SaidAgain(
            event_id=row["id"],
            type=row["type"],
            topic=row["topic"],
            key=row["key"],
            sequence=row["aggregate_version"],
            said_at=row["created_at"],
        )
        for row in rows
    ]
    if not body.dry_run:
        await bulk.insert(tx.connection, table_of(OutboxRow), [_again(row) for row in rows])
        tx.said += len(rows)
        audit(
            tx,
            actor,
            "replay",
            "event" if body.event_id else "journey",
            str(body.event_id or body.journey_id),
            after={"events": [str(fact.event_id) for fact in facts]},
            reason=body.reason,
            journey_id=UUID(orjson.loads(rows[0]["headers"])["ce_correlationid"]),
        )
    return Replay(dry_run=body.dry_run, facts=facts)


async def _logged(tx: Transaction, request: Request, which: Which) -> list[Any]:
    """The rows of the log, in the order in which they were said. Raises NotFound for none."""
    service = request.app.state.service
    if which.event_id is not None:
        one = await _by_id(tx, which.event_id)
        if not one:
            raise NotFound(f"{service.name} has published no event {which.event_id}")
        return one
    ids: list[str] = []
    for repository in service.repositories:
        found = await tx.read(
            f"SELECT id FROM {repository.table().name} WHERE journey_id = $1",  # noqa: S608
            which.journey_id,
        )
        ids += [str(row[0]) for row in found]
    rows: list[Any] = await tx.read(OF_JOURNEY, ids, str(which.journey_id), MOST + 1)
    if not rows:
        raise NotFound(f"{service.name} has published nothing of journey {which.journey_id}")
    if len(rows) > MOST:
        raise Problem(409, f"the journey has more than {MOST} facts here", type="too-many")
    return rows


async def _by_id(tx: Transaction, event_id: UUID) -> list[Any]:
    """The log has no index by id; the id tells when the fact was said, and so where to look."""
    said_at = _said_at(event_id) - timedelta(minutes=1)
    soon = said_at + SENT_WITHIN
    rows: list[Any] = await tx.read(ONE, event_id, said_at, soon)
    if not rows and tx.now > soon:
        rows = await tx.read(ONE, event_id, soon, tx.now + timedelta(minutes=1))
    return rows


def _said_at(event_id: UUID) -> datetime:
    """The instant inside a UUIDv7. Raises Problem for another kind, which no fact of ours has."""
    if event_id.version != 7:
        raise NotFound(f"{event_id} is no event of ours: those are UUIDs of version 7")
    return datetime.fromtimestamp((event_id.int >> 80) / 1000, UTC)


def _refuse_forgotten(rows: list[Any], now: datetime) -> None:
    for row in rows:
        if _said_at(row["id"]) < now - REMEMBERED:
            raise Problem(
                409,
                f"{row['type']} of {row['created_at']:%Y-%m-%d} is older than the"
                f" {REMEMBERED.days} days for which consumers know what they have handled: they"
                " would handle it again",
                type="forgotten",
            )


def _again(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "shard": shard_of(row["topic"], row["key"]),
        "topic": row["topic"],
        "key": row["key"],
        "aggregatetype": DERIVED,
        "aggregateid": row["aggregateid"],
        "aggregate_version": row["aggregate_version"],
        "type": row["type"],
        "headers": orjson.dumps({**orjson.loads(row["headers"]), MARK: "1"}).decode(),
        "payload": row["payload"],
        "created_at": row["created_at"],
    }
