"""The console's doors: journeys for people, spans from services."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from chassis.auth import Actor, public, roles
from chassis.http import TransactionalRoute, Tx
from chassis.problems import Problem
from console import actions_api, catalogue, failures_api, queries, spans

router = APIRouter(route_class=TransactionalRoute, tags=["console"])
router.include_router(catalogue.router)
router.include_router(failures_api.router)
router.include_router(actions_api.router)
looker = Annotated[
    Actor,
    Depends(
        roles(
            "ops",
            "admin",
            "auditor",
            "sales_rep",
            "sales_manager",
            "account_manager",
            "order_desk",
            "finance",
        )
    ),
]


class Overview(BaseModel):
    """How many journeys there are, and how many are done."""

    journeys: int
    settled: int
    facts: int


@router.get("/journeys/{key}", operation_id="showJourney")
async def show_journey(_: looker, tx: Tx, key: str) -> queries.Journey:
    """A journey by its id or any number, reference, event or trace id that belongs to it."""
    return await queries.show_journey(key, tx)


@router.get("/journeys/{key}/spans", operation_id="showWaterfall")
async def show_waterfall(_: looker, tx: Tx, key: str) -> list[spans.WaterfallRow]:
    """The spans of a journey's traces, as far as they were sampled."""
    journey = await queries.show_journey(key, tx)
    return spans.waterfall(await spans.spans_of_traces(journey.trace_ids, tx))


@router.get("/overview", operation_id="showOverview")
async def overview(_: looker, tx: Tx) -> Overview:
    """What the projection holds."""
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
