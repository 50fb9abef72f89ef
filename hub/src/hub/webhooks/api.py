"""The doors to webhooks: endpoints, their secrets, their deliveries."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response
from sqlmodel import select

from chassis.auth import Actor, roles
from chassis.http import Revision, TransactionalRoute, Tx, etag, unprocessable
from chassis.pagination import Cursor, Limit, Page, next_cursor, page_of
from chassis.problems import Problem
from chassis.tables import table_of
from chassis.transaction import Transaction
from contracts.money import Money
from hub.webhooks import endpoints
from hub.webhooks.dispatcher import guard_of
from hub.webhooks.endpoints import Made
from hub.webhooks.forms import (
    AttemptView,
    Backlog,
    DeliveryLog,
    DeliveryView,
    EndpointChange,
    EndpointForm,
    EndpointView,
    FilterView,
    NewEndpoint,
    NewSecret,
    Queued,
    ResendForm,
    RotationForm,
    SecretView,
    TestSent,
)
from hub.webhooks.guard import Unresolvable
from hub.webhooks.retrying import State
from hub.webhooks.storage import AttemptRow, DeliveryRow, EndpointRow, EndpointSecretRow
from hub.webhooks.vault import Vault

router = APIRouter(route_class=TransactionalRoute, tags=["webhooks"])
owner = Annotated[Actor, Depends(roles("subscriber", "admin"))]
looker = Annotated[Actor, Depends(roles("subscriber", "admin", "ops", "auditor"))]


def _not_stored(
    idempotency_key: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> None:
    """An answer under an Idempotency-Key is kept for a day; one with a secret must not be."""
    if idempotency_key is not None:
        raise Problem(
            400, "the answer holds a secret and is not kept: send it without Idempotency-Key"
        )


secretive = Depends(_not_stored)
AS_BEFORE = RotationForm()
"""A secret is rotated by an empty request too."""


def _secret_view(row: EndpointSecretRow) -> dict[str, Any]:
    return {**row.model_dump(exclude={"scheme", "sealed"}), "signature": row.scheme}


def _new_secret(made: Made) -> NewSecret:
    return NewSecret(**_secret_view(made.row), secret=made.secret.for_receiver)


async def _views(rows: list[EndpointRow], tx: Transaction) -> list[EndpointView]:
    ids = [row.id for row in rows]
    secrets = await endpoints.valid_secrets(ids, tx)
    backlogs = await endpoints.backlogs(ids, tx)
    views = []
    for row in rows:
        least = Money(row.least_minor, row.currency) if row.least_minor and row.currency else None
        views.append(
            EndpointView(
                **row.model_dump(include=set(EndpointView.model_fields)),
                filter=FilterView(**row.model_dump(), amount_at_least=least),
                status="enabled" if row.enabled else "disabled",
                secrets=[SecretView(**_secret_view(secret)) for secret in secrets[row.id]],
                backlog=Backlog(**backlogs.get(row.id, {})),
            )
        )
    return views


async def _checked_url(request: Request, url: str) -> str:
    """The URL, unless it is one we do not send to. A name without an address may get one."""
    with contextlib.suppress(Unresolvable):
        await guard_of(request.app.state.settings).check(url)
    return url


def _vault(request: Request) -> Vault:
    return Vault(request.app.state.settings.link_secret)


@router.post("/endpoints", operation_id="createEndpoint", status_code=201, dependencies=[secretive])
async def create_endpoint(
    actor: owner, tx: Tx, request: Request, response: Response, form: EndpointForm
) -> NewEndpoint:
    """Have facts posted to a URL from now on. The answer shows the secret, this once."""
    subscriber = form.subscriber or actor.sub
    if subscriber != actor.sub and "admin" not in actor.roles:
        raise unprocessable("/body/subscriber", "only an administrator makes one for another")
    row, made = await endpoints.create(
        tx,
        _vault(request),
        subscriber=subscriber,
        url=await _checked_url(request, form.url),
        description=form.description,
        choice=form.filter.choice(),
        ordered=form.ordered,
        scheme=form.signature,
    )
    [view] = await _views([row], tx)
    response.headers["Location"] = f"/endpoints/{row.id}"
    response.headers["ETag"] = etag(row.revision)
    return NewEndpoint(**view.model_dump(), secret=_new_secret(made))


@router.get("/endpoints", operation_id="listEndpoints")
async def list_endpoints(
    actor: looker, tx: Tx, limit: Limit = 50, cursor: Cursor = None
) -> Page[EndpointView]:
    """Endpoints, the newest first: one's own, or all for who sees all."""
    table = table_of(EndpointRow)
    query = select(EndpointRow)
    if not actor.roles & endpoints.SEE_ALL:
        query = query.where(table.c.subscriber == actor.sub)
    query = page_of(query, table.c.created_at, table.c.id, cursor=cursor, limit=limit)
    rows = list((await tx.session.exec(query)).all())
    following = next_cursor(rows, "created_at", limit)
    return Page(items=await _views(rows, tx), next=following)


@router.get("/endpoints/{endpoint_id}", operation_id="showEndpoint")
async def show_endpoint(_: looker, tx: Tx, response: Response, endpoint_id: UUID) -> EndpointView:
    """One endpoint, with its notice and its backlog."""
    row = await endpoints.find(endpoint_id, tx)
    response.headers["ETag"] = etag(row.revision)
    return (await _views([row], tx))[0]


@router.patch("/endpoints/{endpoint_id}", operation_id="changeEndpoint")
async def change_endpoint(
    _: owner,
    tx: Tx,
    request: Request,
    response: Response,
    endpoint_id: UUID,
    form: EndpointChange,
    seen: Revision,
) -> EndpointView:
    """Change its URL, its description, or which facts it gets from now on."""
    row = await endpoints.find(endpoint_id, tx, lock=True)
    await endpoints.change(
        row,
        tx,
        seen=seen,
        url=None if form.url is None else await _checked_url(request, form.url),
        description=form.description,
        choice=form.filter.choice() if form.filter else None,
    )
    response.headers["ETag"] = etag(row.revision)
    return (await _views([row], tx))[0]


@router.delete("/endpoints/{endpoint_id}", operation_id="removeEndpoint", status_code=204)
async def remove_endpoint(_: owner, tx: Tx, endpoint_id: UUID) -> None:
    """Send it nothing more, what waits included."""
    await endpoints.remove(await endpoints.find(endpoint_id, tx, lock=True), tx)


@router.post(
    "/endpoints/{endpoint_id}/secret/rotate",
    operation_id="rotateSecret",
    status_code=201,
    dependencies=[secretive],
)
async def rotate_secret(
    _: owner, tx: Tx, request: Request, endpoint_id: UUID, form: RotationForm = AS_BEFORE
) -> NewSecret:
    """A new secret; until the old one ends, deliveries carry a signature by each."""
    row = await endpoints.find(endpoint_id, tx, lock=True)
    valid = (await endpoints.valid_secrets([row.id], tx))[row.id]
    before: Any = valid[0].scheme if valid else "hmac"
    made = await endpoints.rotate(
        row,
        tx,
        _vault(request),
        scheme=form.signature or before,
        overlap=timedelta(hours=form.overlap_hours),
    )
    return _new_secret(made)


@router.post("/endpoints/{endpoint_id}/test", operation_id="testEndpoint", status_code=202)
async def try_endpoint(_: owner, tx: Tx, endpoint_id: UUID) -> TestSent:
    """Send an event of type `ltc.hub.test.v1` once; see its delivery for what came of it."""
    row = await endpoints.find(endpoint_id, tx)
    return TestSent(event_id=await endpoints.send_test(row, tx))


@router.post("/endpoints/{endpoint_id}/resend", operation_id="resend", status_code=202)
async def resend(_: owner, tx: Tx, endpoint_id: UUID, form: ResendForm) -> Queued:
    """Deliver one event again, under the same id, to this endpoint alone. Many are a replay."""
    await endpoints.resend(await endpoints.find(endpoint_id, tx), form.event_id, tx)
    return Queued(queued=1)


@router.post("/endpoints/{endpoint_id}/enable", operation_id="enableEndpoint")
async def enable_endpoint(_: owner, tx: Tx, response: Response, endpoint_id: UUID) -> EndpointView:
    """Go on with what waits, at once. What was given up meanwhile is sent by a replay."""
    row = await endpoints.find(endpoint_id, tx, lock=True)
    await endpoints.enable(row, tx)
    response.headers["ETag"] = etag(row.revision)
    return (await _views([row], tx))[0]


def _delivery(row: DeliveryRow) -> dict[str, Any]:
    waiting = row.state == State.PENDING and row.turn
    return {
        **row.model_dump(include=set(DeliveryView.model_fields)),
        "next_attempt_at": row.next_at if waiting else None,
    }


@router.get("/endpoints/{endpoint_id}/deliveries", operation_id="listDeliveries")
async def list_deliveries(
    _: looker,
    tx: Tx,
    endpoint_id: UUID,
    state: State | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DeliveryView]:
    """Deliveries to an endpoint, the newest first."""
    await endpoints.find(endpoint_id, tx)
    table = table_of(DeliveryRow)
    query = select(DeliveryRow).where(table.c.endpoint_id == endpoint_id)
    if state is not None:
        query = query.where(table.c.state == state.value)
    query = page_of(query, table.c.created_at, table.c.event_id, cursor=cursor, limit=limit)
    rows = list((await tx.session.exec(query)).all())
    following = next_cursor(rows, "created_at", limit)
    return Page(items=[DeliveryView(**_delivery(row)) for row in rows], next=following)


@router.get("/endpoints/{endpoint_id}/deliveries/{event_id}", operation_id="showDelivery")
async def show_delivery(_: looker, tx: Tx, endpoint_id: UUID, event_id: UUID) -> DeliveryLog:
    """One delivery and every attempt at it, the newest first."""
    await endpoints.find(endpoint_id, tx)
    row = await tx.session.get(DeliveryRow, (endpoint_id, event_id))
    if row is None:
        raise Problem(404, f"{event_id} is not for this endpoint")
    table = table_of(AttemptRow)
    query = (
        select(AttemptRow)
        .where(table.c.endpoint_id == endpoint_id, table.c.event_id == event_id)
        .order_by(table.c.id.desc())
        .limit(100)
    )
    attempts = (await tx.session.exec(query)).all()
    log = [AttemptView(**attempt.model_dump()) for attempt in attempts]
    return DeliveryLog(**_delivery(row), log=log)
