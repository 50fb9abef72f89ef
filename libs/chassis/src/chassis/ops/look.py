"""What on-call asks a service: what waits, where a journey stands, which gates are open."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from chassis.clearing import Clearing
from chassis.delivery import RawRecord
from chassis.domain import NotFound
from chassis.http import TransactionalRoute, Tx
from chassis.ops.acts import Looker
from chassis.tries import versions

if TYPE_CHECKING:
    from chassis.runtime import Service

router = APIRouter(route_class=TransactionalRoute)


class ParkedKey(BaseModel):
    """A key whose messages wait, and why."""

    topic: str
    key: str
    status: str
    attempts: int
    next_retry_at: datetime
    error_class: str
    error: str
    waits_for: str | None
    trace_id: str | None
    parked_at: datetime
    messages: int
    event_id: UUID | None
    """The message that the key waits at; none when it is held and nothing has come."""
    type: str | None
    journey_id: UUID | None


class Try(BaseModel):
    """What a try of a message came to."""

    at: datetime
    error_class: str
    error: str
    """Without values that people gave."""
    service_version: str
    """The version that failed."""
    instance: str
    stack: str | None
    """Where in our code; of the newest try alone."""


class ParkedMessage(BaseModel):
    """One waiting message, with its bytes as they came."""

    id: int
    event_id: UUID
    type: str | None
    partition: int
    offset: int
    state: str
    error: str | None
    headers: list[tuple[str, str | None]]
    payload: str | None
    payload_base64: str | None
    parked_at: datetime
    schema_version: int | None
    """Of the message; none when it does not say its type."""
    understood_versions: list[int]
    """Of the same fact, those that this service hears."""
    service_version: str
    """Of the process that answers; each try says which failed."""
    tries: list[Try]
    """Of the message that the key waits at, oldest first, the last 20."""


class GivenUp(ParkedMessage):
    """A message that was given up, kept as it came: by a person, or set aside by rule."""

    topic: str
    key: str
    journey_id: UUID | None


class OpenGate(BaseModel):
    """What is waited for: who must act, by when."""

    gate: str
    owner: str
    number: str
    aggregate_id: UUID
    opened_at: datetime
    due_at: datetime
    overdue_at: datetime | None
    cleared_by: list[str]
    """The operations of this service that clear it; none when only other facts do."""
    resolvable: bool
    """Whether on-call may say that it is over, by evidence, if they have a role for it."""


class PendingFact(BaseModel):
    """A fact that was said and is not in Kafka yet."""

    event_id: UUID
    type: str
    key: str
    created_at: datetime
    error: str | None = None
    """Why Kafka refuses it for good: its key waits until a person decides (`/ops/unsent`)."""


class JourneyState(BaseModel):
    """All that this service knows of where a journey stands here."""

    service: str
    aggregates: list[dict[str, Any]]
    gates: list[OpenGate]
    unpublished: list[PendingFact]
    parked: list[ParkedMessage]
    last_trace_id: str | None


LIST = """
SELECT k.topic, k.key, k.status, k.attempts, k.next_retry_at, k.error_class, k.error,
       k.wake_key AS waits_for, k.trace_id, k.parked_at, h.event_id, h.type, h.journey_id,
       (SELECT count(*) FROM parked_message m WHERE m.consumer = k.consumer AND m.topic = k.topic
        AND m.key = k.key AND m.state IN ('waiting', 'dead')) AS messages
FROM parked_key k LEFT JOIN LATERAL (
  SELECT event_id, type, journey_id FROM parked_message m WHERE m.consumer = k.consumer
  AND m.topic = k.topic AND m.key = k.key AND m.state IN ('waiting', 'dead')
  ORDER BY m.id LIMIT 1) h ON true
WHERE ($1::text IS NULL OR k.status = $1) AND ($2::text IS NULL OR k.error_class = $2)
  AND (($4::text[] IS NULL AND $5::uuid IS NULL) OR k.key = ANY($4) OR (k.topic, k.key) IN (
    SELECT m.topic, m.key FROM parked_message m WHERE m.journey_id = $5
    AND m.consumer = k.consumer AND m.state IN ('waiting', 'dead')))
ORDER BY k.parked_at LIMIT $3
"""
_COLUMNS = """
SELECT id, event_id, type, partition, kafka_offset AS offset, state, error, headers::text, raw,
       parked_at, tries::text
"""
MESSAGES = f"{_COLUMNS} FROM parked_message WHERE {{where}} ORDER BY id LIMIT 200"
GIVEN_UP = f"""
{_COLUMNS}, topic, key, journey_id FROM parked_message
WHERE state = 'skipped' AND ($1::text IS NULL OR key = $1) ORDER BY id DESC LIMIT $2
"""
GATES = """
SELECT name AS gate, owner, number, aggregate_id, opened_at, due_at, overdue_at
FROM gate WHERE journey_id = $1 AND cleared_at IS NULL ORDER BY due_at
"""
UNPUBLISHED = """
SELECT event_id, type, key, created_at, error FROM (
  SELECT seq, id AS event_id, type, key, created_at, NULL AS error FROM outbox
  WHERE headers->>'ce_correlationid' = $1
  UNION ALL SELECT seq, id, type, key, created_at, error FROM outbox_dead
  WHERE headers->>'ce_correlationid' = $1 AND skipped_at IS NULL) said
ORDER BY seq LIMIT 200
"""
LAST_TRACE = """
SELECT headers->>'traceparent' FROM event_log
WHERE aggregateid = ANY($1::text[]) ORDER BY published_at DESC, seq DESC LIMIT 1
"""


def _gate(row: Any, request: Request) -> OpenGate:
    clearing: Clearing | None = request.app.state.service.clearings.get(row.gate)
    return OpenGate(
        **row._asdict(),
        cleared_by=list(clearing.operations) if clearing else [],
        resolvable=clearing is not None and clearing.by is not None,
    )


def _message(row: Any, service: Service) -> dict[str, Any]:
    values: dict[str, Any] = row._asdict()
    values["tries"] = orjson.loads(values["tries"])
    version, understood = versions(list(service.consumer.subscriptions), values["type"])
    raw: bytes | None = values.pop("raw")
    stored = values.pop("headers")
    pairs = RawRecord.headers_from(orjson.loads(stored) if isinstance(stored, str) else stored)
    try:
        text = raw.decode() if raw is not None else None
    except UnicodeDecodeError:
        text = None
    return values | {
        "headers": [
            (n, None if v is None else v.decode("utf-8", "backslashreplace")) for n, v in pairs
        ],
        "payload": text,
        "payload_base64": b64encode(raw).decode() if raw is not None and text is None else None,
        "schema_version": version,
        "understood_versions": understood,
        "service_version": service.version,
    }


@router.get("/parked", operation_id="listParkedKeys")
async def list_parked(
    _: Looker,
    tx: Tx,
    status: str | None = None,
    error_class: str | None = None,
    key: Annotated[list[str] | None, Query(max_length=100)] = None,
    journey_id: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[ParkedKey]:
    """Keys whose messages wait, the longest waiting first: any of these keys, those at which a
    journey's messages wait, either when both are given. A key that is held before anything came,
    or that waits at a record that is no fact, is known by its name alone."""
    values = (status, error_class, limit, key, journey_id)
    rows = await tx.connection.exec_driver_sql(LIST, values)
    return [ParkedKey(**row._asdict()) for row in rows]


@router.get("/parked/{topic}/{key}", operation_id="showParkedKey")
async def show_parked(
    _: Looker, tx: Tx, request: Request, topic: str, key: str
) -> list[ParkedMessage]:
    """The messages of one parked key in their order, as they came."""
    where = "topic = $1 AND key = $2 AND state IN ('waiting', 'dead')"
    rows = await tx.connection.exec_driver_sql(MESSAGES.format(where=where), (topic, key))
    found = [ParkedMessage(**_message(row, request.app.state.service)) for row in rows]
    if not found:
        raise NotFound(f"nothing is parked for {key} of {topic}")
    return found


@router.get("/given-up", operation_id="listGivenUp")
async def list_given_up(
    _: Looker,
    tx: Tx,
    request: Request,
    key: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[GivenUp]:
    """Messages that were given up, the newest first: by whom and why is in the audit."""
    rows = await tx.connection.exec_driver_sql(GIVEN_UP, (key, limit))
    return [GivenUp(**_message(row, request.app.state.service)) for row in rows]


@router.get("/journeys/{journey_id}", operation_id="showJourneyState")
async def show_journey(_: Looker, tx: Tx, request: Request, journey_id: UUID) -> JourneyState:
    """Where a journey stands here: its aggregates, waits, unsent facts, parked messages."""
    service = request.app.state.service
    connection = tx.connection
    aggregates: list[dict[str, Any]] = []
    for repository in service.repositories:
        rows = await connection.exec_driver_sql(
            "SELECT id, number, version, revision, updated_at, body->>'status' AS status"  # noqa: S608
            f" FROM {repository.table().name} WHERE journey_id = $1",
            (journey_id,),
        )
        kind = repository.aggregate.__name__.lower()
        aggregates += [{"kind": kind, **row._asdict()} for row in rows]
    gates = await connection.exec_driver_sql(GATES, (journey_id,))
    unpublished = await connection.exec_driver_sql(UNPUBLISHED, (str(journey_id),))
    parked = await connection.exec_driver_sql(
        MESSAGES.format(where="journey_id = $1 AND state IN ('waiting', 'dead')"), (journey_id,)
    )
    ids = [str(a["id"]) for a in aggregates]
    trace = (await connection.exec_driver_sql(LAST_TRACE, (ids,))).scalar()
    pending, found = unpublished.all(), parked.all()
    if not (aggregates or pending or found):
        raise NotFound(f"{service.name} knows no journey {journey_id}")
    return JourneyState(
        service=service.name,
        aggregates=aggregates,
        gates=[_gate(row, request) for row in gates],
        unpublished=[PendingFact(**row._asdict()) for row in pending],
        parked=[ParkedMessage(**_message(row, service)) for row in found],
        last_trace_id=trace.split("-")[1] if trace else None,
    )


@router.get("/gates", operation_id="listOpenGates")
async def list_gates(
    _: Looker,
    tx: Tx,
    request: Request,
    *,
    overdue: bool = False,
    owner: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[OpenGate]:
    """Open waits, the soonest due first."""
    rows = await tx.connection.exec_driver_sql(
        "SELECT name AS gate, owner, number, aggregate_id, opened_at, due_at, overdue_at FROM gate"
        " WHERE cleared_at IS NULL AND ($1::text IS NULL OR owner = $1)"
        " AND (NOT $2::boolean OR overdue_at IS NOT NULL) ORDER BY due_at LIMIT $3",
        (owner, overdue, limit),
    )
    return [_gate(row, request) for row in rows]
