"""The hub's doors: facts in their order."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel

from chassis.auth import Actor, roles
from chassis.db import Database
from chassis.http import refuse_nul, unprocessable
from chassis.policies import policy_router
from chassis.problems import Problem
from chassis.wire import DRAINING
from contracts.catalog import FACTS, STAGES
from contracts.instants import DueInstant
from hub import feed, states
from hub.cursors import Cursor, read_cursor
from hub.events import as_page, known_types
from hub.readers import Reader
from hub.retention import policies
from hub.stream import stream
from hub.subscribers import grant_of
from hub.subscribers_api import router as subscribers_router

router = APIRouter(tags=["hub"], dependencies=[Depends(refuse_nul)])
router.include_router(subscribers_router)
router.include_router(policy_router(policies, readers=("ops",), changers=("admin",)))
hearer = Annotated[Actor, Depends(roles("subscriber", "admin"))]
LATEST = "latest"
STREAM = "text/event-stream"


class Events(BaseModel):
    """Facts as CloudEvents 1.0, and where to go on."""

    events: list[dict[str, Any]]
    next: str
    """The cursor for the next request."""
    more: bool
    """Whether the feed goes on already; otherwise it is worth to wait."""


class States(BaseModel):
    """What aggregates are now, as CloudEvents 1.0 of the type ``ltc.<stage>.state.v1``."""

    states: list[dict[str, Any]]
    next: UUID | None
    """`after` for the next page; none behind the last."""
    feed: str
    """Of the first page: the cursor from which the feed tells what came after the states. Drop what
    has no higher sequence than the state of its subject."""


def known_stage(name: str) -> str:
    """The name of a stage. Raises Problem for any other."""
    if name not in STAGES:
        known = ", ".join(STAGES)
        raise unprocessable("/query/stage", f"{name!r} is no stage; there are {known}")
    return name


class Question:
    """What a reader asks for, read and checked."""

    def __init__(
        self,
        type: Annotated[
            list[str] | None,
            Query(
                max_length=50,
                description="Types of facts: `ltc.deal.won.v1`, `deal.won`, `deal.*`; repeatable",
            ),
        ] = None,
        stage: Annotated[
            list[str] | None, Query(max_length=6, description=f"{', '.join(STAGES)}; repeatable")
        ] = None,
        subject: Annotated[UUID | None, Query(description="one aggregate")] = None,
        journey: Annotated[UUID | None, Query(description="one journey")] = None,
    ) -> None:
        types, strange = known_types(type or (), tuple(FACTS))
        if strange:
            raise unprocessable("/query/type", f"no fact is called {strange[0]!r}")
        for name in stage or ():
            known_stage(name)
        self.patterns = tuple(type or ())
        self.wanted = feed.Filter(
            tuple(types) if type else None, tuple(stage) if stage else None, subject, journey
        )


async def _start(database: Database, after: str | None, instant: datetime | None) -> Cursor:
    if after is not None and instant is not None:
        raise unprocessable("/query/from", "a cursor or an instant to begin at, not both")
    if instant is not None:
        return await feed.from_instant(database, instant)
    if after is None:
        return (await feed.ends(database)).oldest
    if after == LATEST:
        return (await feed.ends(database)).latest
    return read_cursor(after)


@router.get(
    "/events",
    operation_id="readEvents",
    response_model=Events,
    responses={200: {"content": {STREAM: {"schema": {"type": "string"}}}}},
)
async def read_events(
    request: Request,
    actor: hearer,
    question: Annotated[Question, Depends()],
    after: Annotated[
        str | None,
        Query(description="`next` of the answer before; `latest`; without it the oldest kept"),
    ] = None,
    from_: Annotated[
        DueInstant | None,
        Query(alias="from", description="instead of a cursor: what came at this instant or later"),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
    wait: Annotated[float, Query(ge=0, le=30, description="seconds, while there is none")] = 0,
    accept: Annotated[str, Header(description=f"`{STREAM}` for server-sent events")] = "",
    last_event_id: Annotated[
        str | None, Header(description="where a stream broke off: goes before `after`")
    ] = None,
) -> Response:
    """The facts behind a cursor, in the one order that all readers see."""
    draining: asyncio.Event | None = getattr(request.state, DRAINING, None)
    reader = Reader(
        request.app.state.database, actor.sub, question.wanted, question.patterns, draining
    )
    streams = STREAM in accept
    request.state.chose_to_wait = streams or wait > 0
    start = await _start(reader.database, last_event_id or after, None if last_event_id else from_)
    page = await reader.wait(start, limit, within_s=0 if streams else wait)
    if streams:
        headers = {"Cache-Control": "no-store"}
        return StreamingResponse(stream(reader, page), media_type=STREAM, headers=headers)
    content = as_page("events", (e.text for e in page.events), next=str(page.next), more=page.more)
    return Response(content, media_type="application/json")


@router.get("/states", operation_id="readStates", response_model=States)
async def read_states(
    request: Request,
    actor: hearer,
    stage: Annotated[str, Query(description=", ".join(STAGES))],
    after: Annotated[UUID | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> Response:
    """The present states of a stage: where somebody new begins, or whose cursor has expired."""
    database: Database = request.app.state.database
    grant = await grant_of(database, actor.sub)
    if grant.stages is not None and known_stage(stage) not in grant.stages:
        raise Problem(403, f"your grant does not include {stage}; ask who runs this installation")
    page = await states.read(
        database, known_stage(stage), after, limit=limit, personal=grant.personal
    )
    content = as_page("states", page.states, next=page.next and str(page.next), feed=str(page.feed))
    return Response(content, media_type="application/json")
