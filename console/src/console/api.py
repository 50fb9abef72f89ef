"""The console's doors: journeys for people, spans from services."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from chassis.auth import public
from chassis.http import TransactionalRoute, Tx
from chassis.problems import Problem
from console import (
    access,
    actions_api,
    catalogue,
    facts_api,
    failures_api,
    flow_api,
    hub_api,
    journeys_api,
    live_api,
    pages,
    services_api,
    sign_in,
    spans,
    topics_api,
)
from console.doors import looker

router = APIRouter(route_class=TransactionalRoute, tags=["console"])
router.include_router(facts_api.router)
router.include_router(catalogue.router)
router.include_router(journeys_api.router)
router.include_router(sign_in.router)
router.include_router(sign_in.browsers)
router.include_router(pages.router)
router.include_router(topics_api.router)
router.include_router(flow_api.router)
router.include_router(services_api.router)
router.include_router(live_api.router)
router.include_router(hub_api.router)
router.include_router(failures_api.router)
router.include_router(actions_api.router)


MINE = f"""
SELECT count(*) AS journeys, count(*) FILTER (WHERE state = 'settled') AS settled,
       coalesce(sum((SELECT count(*) FROM journey_event e WHERE e.journey_id = j.journey_id)), 0)
         ::bigint AS facts
FROM journey j WHERE {access.VISIBLE}
"""  # noqa: S608


class Overview(BaseModel):
    """How many journeys there are, and how many are done."""

    journeys: int
    settled: int
    facts: int


@router.get("/overview", operation_id="showOverview")
async def overview(viewer: looker, tx: Tx) -> Overview:
    """What the projection holds of what the viewer may see."""
    if not access.sees_all(viewer):
        row = await tx.scalar_row(MINE, *access.parameters(viewer))
        return Overview(journeys=row["journeys"], settled=row["settled"], facts=row["facts"])
    row = await tx.scalar_row(
        "SELECT (SELECT count(DISTINCT journey_id) FROM journey_event"
        " WHERE type LIKE 'ltc.lead.%' OR type LIKE 'ltc.deal.%'),"
        " (SELECT count(*) FROM journey_event WHERE type = 'ltc.journey.settled.v1'),"
        " (SELECT count(*) FROM journey_event)"
    )
    return Overview(journeys=row[0], settled=row[1], facts=row[2])


@router.post(
    "/v1/traces",
    operation_id="receiveTraces",
    dependencies=[public("collectors and services on this machine send spans without a token")],
)
async def receive_traces(request: Request, tx: Tx) -> Response:
    """Spans over OTLP/HTTP, protobuf."""
    gzipped = request.headers.get("content-encoding") == "gzip"
    try:
        rows = spans.read_spans(await request.body(), gzipped=gzipped, now=tx.now)
    except spans.UnreadableSpans as error:
        raise Problem(400, str(error)) from error
    await spans.store_spans(rows, tx)
    return Response(b"", media_type="application/x-protobuf")
