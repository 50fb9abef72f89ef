"""How much each stage says, minute by minute: where it went quiet, and when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from chassis import bulk
from chassis.http import refuse_nul
from console.doors import operator
from console.shared_look import SharedLook, look_of
from contracts.catalog import FACTS, STAGES, producer

LOOK_EVERY_S = 5.0
MINUTES = 60
SAID = """
SELECT date_bin('1 minute', said_at, $1), type, count(*) FROM journey_event
WHERE seen_at >= $1 AND said_at >= $1 GROUP BY 1, 2
"""
"""What is said is seen later, so that the index of what was seen finds it."""

router = APIRouter(tags=["installation"], dependencies=[Depends(refuse_nul)])


class Flow(BaseModel):
    """Facts said in the last hour, by the stage that said them."""

    since: datetime
    """When the first of the minutes began."""
    stages: dict[str, list[int]]
    """Facts in each of sixty minutes; the last of them is under way."""


@router.get("/flow", operation_id="showFlow")
async def show_flow(_: operator, request: Request) -> Flow:
    """Facts said in each of the last sixty minutes, by stage, as far as the console has them."""
    engine = request.app.state.database.engine

    async def look() -> Flow:
        this_minute = datetime.now(UTC).replace(second=0, microsecond=0)
        since = this_minute - timedelta(minutes=MINUTES - 1)
        return flow_of(since, await bulk.ask(engine, SAID, since))

    return await look_of(request, "flow", lambda: SharedLook(look, every_s=LOOK_EVERY_S)).found()


def flow_of(since: datetime, counts: Iterable[Any]) -> Flow:
    """Rows of minute, type and count, in their places. A clock that is ahead of ours counts in the
    minute under way; what no stage of ours says is left out."""
    stages = {stage: [0] * MINUTES for stage in STAGES}
    for minute, name, count in counts:
        if name in FACTS:
            place = (minute - since) // timedelta(minutes=1)
            stages[producer(FACTS[name])][min(place, MINUTES - 1)] += count
    return Flow(since=since, stages=stages)
