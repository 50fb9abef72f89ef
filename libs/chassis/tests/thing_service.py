"""A service without business: things with a name, behind every kind of door the chassis offers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx
from fastapi import APIRouter, Depends, FastAPI, Response
from fastapi.responses import JSONResponse
from joserfc.jwk import ECKey, KeySet
from pydantic import BaseModel, Field, SecretStr
from sqlalchemy import Column, DateTime, Integer, MetaData, Table, Text, Uuid, select

from chassis.app import create_app
from chassis.auth import Actor, public, roles
from chassis.consumer import Consumer
from chassis.domain import DomainError, NotFound, Refused
from chassis.http import ApiModel, Revision, TransactionalRoute, Tx, etag, refuse_other
from chassis.idempotency import idempotency_key_required
from chassis.issuer import sign
from chassis.pagination import Cursor, Limit, Page, next_cursor, page_of
from chassis.policies import Policies, Policy, policy_router
from chassis.runtime import Service
from chassis.schema import create_acts, create_v1, keep_failures, keep_tries
from chassis.settings import Settings
from testkit.servers import create_database, drop_database

KEY = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)

THINGS = Table(
    "thing",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("name", Text, unique=True),
    Column("size", Integer),
    Column("revision", Integer),
    Column("made_at", DateTime(timezone=True)),
)
TABLES = (
    "CREATE TABLE thing (id uuid PRIMARY KEY, name text NOT NULL UNIQUE, size integer NOT NULL,"
    " revision integer NOT NULL, made_at timestamptz NOT NULL)",
    "CREATE FUNCTION refuse_doomed() RETURNS trigger LANGUAGE plpgsql AS"
    " $$BEGIN RAISE EXCEPTION 'the commit fails'; END$$",
    "CREATE CONSTRAINT TRIGGER doomed AFTER INSERT ON thing DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW WHEN (NEW.name = 'doomed') EXECUTE FUNCTION refuse_doomed()",
)


class ThingLapsed(DomainError):
    """The thing is past its time."""


class ThingTooLarge(Refused):
    """Things have a greatest size."""


class ThingForm(ApiModel):
    name: str = Field(min_length=1, max_length=100)
    size: int = Field(default=1, ge=0)


class ThingView(BaseModel):
    id: UUID
    name: str
    size: int
    made_at: datetime


class Limits(Policy):
    greatest: int = Field(default=10, ge=1)


policies = Policies(limits=Limits)
router = APIRouter(route_class=TransactionalRoute, tags=["things"])
Maker = Annotated[Actor, Depends(roles("maker"))]
Looker = Annotated[Actor, Depends(roles("maker", "looker"))]


class Pause:
    """A point at which a request waits."""

    def __init__(self) -> None:
        self.reached, self.over = asyncio.Event(), asyncio.Event()


PAUSE: dict[str, Pause] = {}


async def _insert(tx: Tx, form: ThingForm) -> UUID:
    thing_id = uuid4()
    values = {**form.model_dump(), "id": thing_id, "revision": 1, "made_at": tx.now}
    await tx.connection.execute(THINGS.insert().values(values))
    return thing_id


@router.post("/things", status_code=201)
async def make(_: Maker, tx: Tx, form: ThingForm, response: Response) -> dict[str, str]:
    """Make a thing; one named in PAUSE waits there, after its row was written."""
    thing_id = await _insert(tx, form)
    if form.name in PAUSE:
        PAUSE[form.name].reached.set()
        await PAUSE[form.name].over.wait()
    response.headers["Location"] = f"/things/{thing_id}"
    response.headers["ETag"] = etag(1)
    return {"id": str(thing_id), "actor": tx.actor.sub}


@router.post("/payments", dependencies=[Depends(idempotency_key_required)])
async def pay(_: Maker, tx: Tx, form: ThingForm) -> dict[str, str]:
    return {"id": str(await _insert(tx, form))}


@router.get("/things")
async def list_things(
    _: Looker, tx: Tx, q: str | None = None, cursor: Cursor = None, limit: Limit = 50
) -> Page[ThingView]:
    query = select(THINGS) if q is None else select(THINGS).where(THINGS.c.name == q)
    page = page_of(query, THINGS.c.made_at, THINGS.c.id, cursor=cursor, limit=limit)
    rows: list[Any] = list((await tx.connection.execute(page)).all())
    following = next_cursor(rows, "made_at", limit)
    items = [ThingView.model_validate(row, from_attributes=True) for row in rows]
    return Page[ThingView](items=items, next=following)


@router.put("/things/{thing_id}")
async def resize(
    _: Maker, tx: Tx, thing_id: UUID, form: ThingForm, seen: Revision, response: Response
) -> None:
    row = (await tx.connection.execute(select(THINGS).where(THINGS.c.id == thing_id))).first()
    if row is None:
        raise NotFound(f"no thing {thing_id}")
    refuse_other(seen, row.revision, "thing")
    change = THINGS.update().where(THINGS.c.id == thing_id)
    await tx.connection.execute(change.values(size=form.size, revision=row.revision + 1))
    response.headers["ETag"] = etag(row.revision + 1)


@router.post("/failures/{kind}")
async def fail(_: Maker, tx: Tx, kind: str, form: ThingForm) -> Response:
    """Write a thing, then fail in the way asked for."""
    await _insert(tx, form)
    if kind == "lapsed":
        raise ThingLapsed("the thing lapsed yesterday")
    if kind == "too-large":
        raise ThingTooLarge("things have at most 10")
    if kind == "bug":
        raise RuntimeError("SELECT secret FROM vault")
    if kind == "out-of-range":
        await tx.connection.exec_driver_sql("SELECT $1::bigint", (2**70,))
    return JSONResponse({"kind": kind}, 400)


@router.get("/failures/database", dependencies=[public("a test of an unreachable database")])
async def unreachable(tx: Tx) -> None:
    await tx.connection.exec_driver_sql("SELECT 1")


@router.post("/by-link/{token}", dependencies=[public("whoever holds the link")])
async def by_link(tx: Tx, token: str, form: ThingForm) -> dict[str, str]:
    return {"id": str(await _insert(tx, form)), "token": token}


router.include_router(policy_router(policies, readers=("looker",), changers=("maker",)))
service = Service(name="thing-svc", version="0", router=router, consumer=Consumer("thing-svc"))


def settings_for(database_url: str = "", **values: Any) -> Settings:
    url = SecretStr(database_url or "postgresql+asyncpg://127.0.0.1:1/nowhere")
    return Settings(
        service="thing-svc",
        environment="test",
        database_url=url,
        consume=False,
        instance="test",
        database_pool=4,
        **values,
    )


def an_app(settings: Settings) -> FastAPI:
    app = create_app(service, settings)
    app.state.authenticator.trust(KeySet([KEY]))
    return app


@asynccontextmanager
async def thing_app(**values: Any) -> AsyncIterator[FastAPI]:
    """The service on a database of its own."""
    name = f"t_thing_{uuid4().hex[:8]}"
    settings = settings_for(create_database(name).replace("://", "+asyncpg://", 1), **values)
    app = an_app(settings)
    statements: list[str] = []
    create_v1(statements.append)
    create_acts(statements.append)
    keep_tries(statements.append)
    keep_failures(statements.append)
    try:
        async with app.state.database.engine.begin() as connection:
            for statement in (*statements, *TABLES):
                await connection.exec_driver_sql(statement)
        yield app
    finally:
        await app.state.database.close()
        drop_database(name)


def a_token(*roles: str, sub: str = "u-1", ttl_s: int = 600) -> str:
    issuer = Settings().oidc_issuer
    return sign(KEY, issuer, sub=sub, name="Ada Lovelace", roles=list(roles), teams=[], ttl_s=ttl_s)


def a_client(app: FastAPI, token: str | None = None, **headers: str) -> httpx.AsyncClient:
    """A client with this token; by default that of a maker, and none for an empty one."""
    token = a_token("maker", "looker") if token is None else token
    if token:
        headers["Authorization"] = f"Bearer {token}"
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers)


async def names(app: FastAPI) -> list[str]:
    """The names of all things stored."""
    async with app.state.database.engine.connect() as connection:
        rows = await connection.exec_driver_sql("SELECT name FROM thing ORDER BY made_at, id")
        return [row[0] for row in rows]
