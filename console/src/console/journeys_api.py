"""Journeys for people: one whole, many in lists, anything by whatever somebody pastes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from chassis.auth import Actor
from chassis.http import refuse_nul
from chassis.pagination import Limit
from chassis.transaction import Transaction
from console import access, lists, queries, spans
from console import search as searching
from console.broker import AskedBroker
from console.doors import looker
from console.folding import State
from console.peers import AskedPeers, Token
from console.reasons import Code

router = APIRouter(tags=["journeys"], dependencies=[Depends(refuse_nul)])
Text = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
PROGRESS = """
SELECT (SELECT greatest(reltuples, 0)::bigint FROM pg_class
        WHERE oid = 'journey_event'::regclass) AS facts,
       (SELECT greatest(reltuples, 0)::bigint FROM pg_class
        WHERE oid = 'journey'::regclass) AS journeys,
       (SELECT count(*) FROM (SELECT 1 FROM unfolded LIMIT 10000) part) AS unfolded,
       (SELECT max(last_fact_at) FROM journey) AS newest,
       (SELECT min(e.seen_at) FROM (SELECT * FROM unfolded LIMIT 10000) u
        JOIN journey_event e USING (journey_id, event_id)) AS oldest
"""
After = Annotated[str | None, Query(description="`next` of the page before")]


@asynccontextmanager
async def _reading(request: Request, actor: Actor) -> AsyncIterator[Transaction]:
    """A look into the database, and no longer than that: whoever asks the services as well may wait
    three seconds for one that is down, and holds no connection meanwhile."""
    async with request.app.state.database.transaction(actor=actor) as tx:
        tx.rollback_only()
        yield tx


class Projection(BaseModel):
    """How far the console has come."""

    facts: int | None
    """By the statistics of its database: near, not exact. None for who does not see everything."""
    journeys: int | None
    lag_facts: int
    """Facts that no summary tells of yet; at most 10,000 are counted."""
    newest_fact_at: str | None
    lag_s: float
    """Age of the oldest fact that no summary tells of yet."""


@router.get("/search", operation_id="search")
async def search(
    actor: looker,
    request: Request,
    peers: AskedPeers,
    broker: AskedBroker,
    token: Token,
    q: Text,
) -> searching.Hits:
    """Anything that a person may paste: numbers, references, ids, part of a customer's name."""
    around = await lists.look_around(peers, broker, token)
    async with _reading(request, actor) as tx:
        return await searching.search(q, around, tx)


@router.get("/journeys", operation_id="listJourneys")
async def list_journeys(
    actor: looker,
    request: Request,
    peers: AskedPeers,
    broker: AskedBroker,
    token: Token,
    *,
    state: State | None = None,
    stage: Text | None = None,
    owner: Text | None = None,
    q: Text | None = None,
    after: After = None,
    limit: Limit = 50,
) -> lists.JourneyPage:
    """All journeys, whichever moved last first."""
    around = await lists.look_around(peers, broker, token)
    async with _reading(request, actor) as tx:
        return await lists.recent(
            tx, around, state=state, stage=stage, owner=owner, q=q, after=after, limit=limit
        )


@router.get("/stuck", operation_id="listStuck")
async def list_stuck(
    actor: looker,
    request: Request,
    peers: AskedPeers,
    broker: AskedBroker,
    token: Token,
    *,
    stage: Text | None = None,
    reason: Code | None = None,
    owner: Text | None = None,
    over_sla: bool = False,
    after: After = None,
    limit: Limit = 50,
) -> lists.StuckPage:
    """What stands still, the worst first: parked messages, then by how long it is overdue."""
    around = await lists.look_around(peers, broker, token)
    async with _reading(request, actor) as tx:
        return await lists.stuck(
            tx,
            around,
            stage=stage,
            reason=reason,
            owner=owner,
            over_sla=over_sla,
            after=after,
            limit=limit,
        )


@router.get("/journeys/{key}", operation_id="showJourney")
async def show_journey(
    actor: looker,
    request: Request,
    peers: AskedPeers,
    broker: AskedBroker,
    token: Token,
    key: str,
) -> queries.Journey:
    """A journey by its id or any number, reference, event or trace id that belongs to it."""
    async with _reading(request, actor) as tx:
        journey_id, summary = await queries.find_journey(key, tx)
    return await queries.explain(
        journey_id, summary, peers, broker, token, roles=actor.roles, now=tx.now
    )


@router.get("/journeys/{key}/spans", operation_id="showWaterfall")
async def show_waterfall(actor: looker, request: Request, key: str) -> list[spans.WaterfallRow]:
    """The spans of a journey's traces, as far as they were sampled."""
    async with _reading(request, actor) as tx:
        summary = (await queries.find_journey(key, tx))[1]
        return spans.waterfall(await spans.spans_of_traces(summary.trace_ids, tx))


@router.get("/projection", operation_id="showProjection")
async def show_projection(actor: looker, request: Request) -> Projection:
    """How far the summaries have come."""
    async with _reading(request, actor) as tx:
        row = await tx.scalar_row(PROGRESS)
    oldest = row["oldest"]
    return Projection(
        facts=row["facts"] if access.sees_all(actor) else None,
        journeys=row["journeys"] if access.sees_all(actor) else None,
        lag_facts=row["unfolded"],
        newest_fact_at=row["newest"].isoformat() if row["newest"] else None,
        lag_s=(tx.now - oldest).total_seconds() if oldest else 0.0,
    )
