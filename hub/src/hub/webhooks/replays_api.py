"""The doors to replays of an endpoint."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response
from sqlmodel import select

from chassis.http import TransactionalRoute, Tx
from chassis.pagination import Cursor, Limit, Page, next_cursor, page_of
from chassis.tables import table_of
from chassis.transaction import Transaction
from hub.webhooks import endpoints, replays
from hub.webhooks.api import looker, owner
from hub.webhooks.forms import Matching, ReplayForm, ReplayView
from hub.webhooks.storage import ReplayRow

router = APIRouter(
    route_class=TransactionalRoute, tags=["webhooks"], prefix="/endpoints/{endpoint_id}/replays"
)
STATES = ("delivered", "given_up", "dropped", "pending")


async def _views(rows: list[ReplayRow], tx: Transaction) -> list[ReplayView]:
    counts = await replays.progress([row.id for row in rows], tx)
    views = []
    for row in rows:
        span = row.to_position - row.from_position
        views.append(
            ReplayView(
                **row.model_dump(include=set(ReplayView.model_fields)),
                **{state: counts[row.id].get(state, 0) for state in STATES},
                journey=row.journey_id,
                from_=row.from_at,
                to=row.to_at,
                looked_through=(row.position - row.from_position) / span if span else 1.0,
            )
        )
    return views


@router.post("", operation_id="startReplay", status_code=202)
async def start_replay(
    _: owner, tx: Tx, response: Response, endpoint_id: UUID, form: ReplayForm
) -> ReplayView | Matching:
    """Deliver many facts again, under the same ids, to this endpoint alone; or, as a dry run, tell
    how many that would be now."""
    endpoint = await endpoints.find(endpoint_id, tx)
    selection = await replays.select(
        endpoint,
        tx,
        types=form.checked().types,
        subject=form.subject,
        journey_id=form.journey,
        since=form.from_,
        until=form.to,
    )
    if form.dry_run:
        matched, complete = await replays.count(selection, tx)
        response.status_code = 200
        return Matching(matched=matched, complete=complete)
    row = await replays.ask(endpoint, selection, tx)
    response.headers["Location"] = f"/endpoints/{endpoint_id}/replays/{row.id}"
    return (await _views([row], tx))[0]


@router.get("", operation_id="listReplays")
async def list_replays(
    _: looker, tx: Tx, endpoint_id: UUID, limit: Limit = 50, cursor: Cursor = None
) -> Page[ReplayView]:
    """Replays of an endpoint, the newest first; those that ended, for 30 days."""
    await endpoints.find(endpoint_id, tx)
    table = table_of(ReplayRow)
    query = select(ReplayRow).where(table.c.endpoint_id == endpoint_id)
    query = page_of(query, table.c.created_at, table.c.id, cursor=cursor, limit=limit)
    rows = list((await tx.session.exec(query)).all())
    following = next_cursor(rows, "created_at", limit)
    return Page(items=await _views(rows, tx), next=following)


@router.get("/{replay_id}", operation_id="showReplay")
async def show_replay(_: looker, tx: Tx, endpoint_id: UUID, replay_id: UUID) -> ReplayView:
    """One replay, and how far it has come."""
    endpoint = await endpoints.find(endpoint_id, tx)
    return (await _views([await replays.find(endpoint, replay_id, tx)], tx))[0]


@router.post("/{replay_id}/cancel", operation_id="cancelReplay")
async def cancel_replay(_: owner, tx: Tx, endpoint_id: UUID, replay_id: UUID) -> ReplayView:
    """Deliver nothing more of it but what is being sent."""
    endpoint = await endpoints.find(endpoint_id, tx)
    return (await _views([await replays.cancel(endpoint, replay_id, tx)], tx))[0]
