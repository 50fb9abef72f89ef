"""box-svc: a service without business that consumes and publishes, for tests of messaging and ops.

A `BoxAnnounced` event opens a box, which waits at one gate. A `LabelPrinted` event belongs to a
box and is parked while that box does not exist.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4

from fastapi import APIRouter
from joserfc.jwk import KeySet
from pydantic import SecretStr
from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from chassis.app import create_app
from chassis.consumer import Consumer
from chassis.domain import Aggregate, DependencyMissing
from chassis.http import TransactionalRoute
from chassis.repository import Repository
from chassis.runtime import Service
from chassis.schema import (
    aggregate_columns,
    create_acts,
    create_v1,
    keep_facts_whole,
    keep_failures,
    keep_tries,
    keep_whole,
)
from chassis.settings import Settings
from chassis.tables import NAMING, AggregateRow
from chassis.transaction import Transaction
from contracts.event import Event
from contracts.journey import GateCleared, GateFacts, GateOpened, GateOverdue
from testkit.harness import KEY, Harness
from testkit.servers import create_database, drop_database

BOX = UUID(int=1)
LABEL = UUID(int=77)


class BoxAnnounced(Event):
    """A box will arrive."""

    name: ClassVar[str] = "ltc.supply.announced.v1"
    topic: ClassVar[str] = "ltc.supply.v1"
    key: ClassVar[str] = "box_id"

    box_id: UUID
    sender: str
    keeper: str | None = None
    """The subject of the person who unpacks it. `None` means that any packer may."""


class LabelPrinted(Event):
    """A version of a label was printed for a box."""

    name: ClassVar[str] = "ltc.label.printed.v1"
    topic: ClassVar[str] = "ltc.label.v1"
    key: ClassVar[str] = "label_id"

    label_id: UUID
    box_id: UUID
    version: int


class BoxOpened(Event):
    """The service has a new box."""

    name: ClassVar[str] = "ltc.box.opened.v1"
    topic: ClassVar[str] = "ltc.box.v1"
    key: ClassVar[str] = "box_id"

    box_id: UUID


class BoxGateOpened(GateOpened):
    name: ClassVar[str] = "ltc.box.gate_opened.v1"
    topic: ClassVar[str] = BoxOpened.topic


class BoxGateCleared(GateCleared):
    name: ClassVar[str] = "ltc.box.gate_cleared.v1"
    topic: ClassVar[str] = BoxOpened.topic


class BoxGateOverdue(GateOverdue):
    name: ClassVar[str] = "ltc.box.gate_overdue.v1"
    topic: ClassVar[str] = BoxOpened.topic


class Box(Aggregate):
    labels: tuple[int, ...] = ()


class Row(SQLModel, registry=registry()):
    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)


class BoxRow(Row, AggregateRow, table=True):
    __tablename__ = "box"


class Boxes(Repository[Box]):
    aggregate = Box
    row = BoxRow
    gates = GateFacts(BoxGateOpened, BoxGateCleared, BoxGateOverdue)


consumer = Consumer("box-svc")


def of_box(fact: BoxAnnounced | LabelPrinted) -> UUID:
    return fact.box_id


@consumer.on(BoxAnnounced, loads={Boxes: of_box})
async def open_box(fact: BoxAnnounced, tx: Transaction) -> None:
    if await Boxes(tx).find(fact.box_id) is None:
        box = Box(id=fact.box_id, journey_id=tx.journey_id, number=f"B-{fact.box_id.int}")
        owner = f"person:{fact.keeper}" if fact.keeper else "role:packer"
        due_at = tx.now + timedelta(hours=8)
        await Boxes(tx).save(box.wait_at("unpacking", owner=owner, at=tx.now, due_at=due_at))
        tx.publish(BoxOpened(box_id=box.id))


@consumer.on(LabelPrinted, loads={Boxes: of_box})
async def stick_label(fact: LabelPrinted, tx: Transaction) -> None:
    box = await Boxes(tx).find(fact.box_id)
    if box is None:
        raise DependencyMissing("box", fact.box_id)
    await Boxes(tx).save(box.model_copy(update={"labels": (*box.labels, fact.version)}))


service = Service(
    name="box-svc",
    version="1.2.3",
    router=APIRouter(route_class=TransactionalRoute),
    consumer=consumer,
    repositories=(Boxes,),
)


def announced(keeper: str | None = None) -> BoxAnnounced:
    return BoxAnnounced(box_id=BOX, sender="Ada", keeper=keeper)


def printed(version: int = 1, box: UUID = BOX, label: UUID = LABEL) -> LabelPrinted:
    return LabelPrinted(label_id=label, box_id=box, version=version)


@asynccontextmanager
async def on_database(service: Service) -> AsyncIterator[Harness]:
    """A service on a new database with the chassis's tables and that of boxes."""
    name = f"t_box_{uuid4().hex[:8]}"
    settings = Settings(
        service=service.name,
        environment="test",
        database_url=SecretStr(create_database(name).replace("://", "+asyncpg://", 1)),
        consume=False,
        instance="test",
        database_pool=5,
    )
    app = create_app(service, settings)
    app.state.authenticator.trust(KeySet([KEY]))
    under_test = Harness(service, settings, app, "box_service")
    try:
        async with app.state.database.engine.begin() as connection:
            for statement in _tables():
                await connection.exec_driver_sql(statement)
        yield under_test
    finally:
        await under_test.close()
        drop_database(name)


def _tables() -> list[Any]:
    statements: list[str] = []
    for create in (create_v1, keep_facts_whole, create_acts, keep_tries, keep_failures):
        create(statements.append)
    statements.append(f"CREATE TABLE box ({aggregate_columns('box')})")
    keep_whole(statements.append, "box", "body")
    return statements
