"""The catalogue of facts with what really comes in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from chassis import bulk
from chassis.http import refuse_nul
from console.doors import looker
from console.shared_look import SharedLook, look_of
from contracts.catalog import CATALOG, FACTS, producer
from contracts.lifetimes import version_of, versions
from contracts.samples import sample

LOOK_EVERY_S = 2.0
RATE = """
SELECT type, count(*) FROM journey_event
WHERE seen_at >= now() - interval '5 minutes' GROUP BY type
"""
LAST_SEEN = """
SELECT type, max(seen_at) FROM (
  SELECT type, seen_at FROM journey_event ORDER BY event_id DESC LIMIT 20000) newest
GROUP BY type
"""
"""Ids are by time, so the newest facts are found by the index of their ids."""

router = APIRouter(tags=["catalogue"], dependencies=[Depends(refuse_nul)])


class LiveFact(BaseModel):
    """One type of fact: who says and hears it, and how often it comes now."""

    type: str
    stage: str
    topic: str
    producer: str
    hearers: list[str]
    versions: list[str]
    description: str
    facts_5m: int
    """Seen in the last five minutes."""
    last_seen_at: datetime | None
    """None when it is not among the newest 20,000."""
    sample: dict[str, Any]
    """An invented one, never somebody's own."""


@router.get("/catalogue/facts", operation_id="listLiveFacts")
async def list_live_facts(_: looker, request: Request) -> list[LiveFact]:
    """Every fact of the catalogue, with what comes in at this moment."""
    engine = request.app.state.database.engine

    async def look() -> tuple[dict[str, int], dict[str, datetime]]:
        return dict(await bulk.ask(engine, RATE)), dict(await bulk.ask(engine, LAST_SEEN))

    shared = look_of(request, "facts", lambda: SharedLook(look, every_s=LOOK_EVERY_S))
    recent, seen = await shared.found()
    return [
        LiveFact(
            type=name,
            stage=producer(entry.fact),
            topic=entry.fact.topic,
            producer=f"{producer(entry.fact)}-svc",
            hearers=[f"{stage}-svc" for stage in entry.hearers],
            versions=list(versions(version_of(name)[0], FACTS)),
            description=(entry.fact.__doc__ or "").strip(),
            facts_5m=recent.get(name, 0),
            last_seen_at=seen.get(name),
            sample=sample(entry.fact).model_dump(mode="json"),
        )
        for name, entry in CATALOG.items()
    ]
