"""What changes, told to pages while it does."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse

from chassis.auth import Actor
from chassis.http import refuse_nul
from chassis.problems import Problem
from chassis.wire import DRAINING
from console.doors import any_looker
from console.live import live_of

STREAM = "text/event-stream"
router = APIRouter(tags=["live"], dependencies=[Depends(refuse_nul)])


@router.get(
    "/live",
    operation_id="followChanges",
    response_class=StreamingResponse,
    responses={200: {"content": {STREAM: {}}}, 406: {"description": "Only as a stream"}},
)
async def follow_changes(
    viewer: Annotated[Actor, Depends(any_looker)], request: Request
) -> StreamingResponse:
    """Server-sent events: `changed` with the ids of at most 50 journeys and the number of facts, at
    most once a second while facts come in; with fifty, any other may have changed too. Who comes is
    told of the last five seconds. Only journeys that they may see are named and counted."""
    if STREAM not in request.headers.get("accept", ""):
        raise Problem(406, f"this is a stream: ask with Accept: {STREAM}")
    request.state.chose_to_wait = True
    draining: asyncio.Event | None = getattr(request.state, DRAINING, None)
    return StreamingResponse(
        live_of(request).stream(draining, viewer),
        media_type=STREAM,
        headers={"Cache-Control": "no-store"},
    )
