"""Migrated tables equal the declared tables, for every service."""

from __future__ import annotations

import importlib
from typing import Any
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

import chassis.audit
import chassis.idempotency
import chassis.ops.rows
import chassis.policies
from chassis.migrate import upgrade
from chassis.tables import ChassisRow
from testkit.servers import create_database, drop_database

PACKAGES = (
    "lead_svc",
    "deal_svc",
    "quote_svc",
    "contract_svc",
    "order_svc",
    "billing_svc",
    "console",
)
DECLARED = (chassis.audit, chassis.idempotency, chassis.ops.rows, chassis.policies)


def relevant(thing: Any, name: str | None, kind: str, reflected: bool, _other: Any) -> bool:
    """Daily partitions and Alembic's own table are nobody's declaration."""
    table = (
        name if kind == "table" else getattr(thing, "table", None) is not None and thing.table.name
    )
    text = str(table)
    return (
        text != "alembic_version"
        and not (reflected and text[-8:].isdigit())
        and text != "inbox_default"
    )


@pytest.mark.parametrize("package", PACKAGES)
async def test_migrations_of_a_service_create_its_declared_tables(package: str) -> None:
    name = f"t_mig_{uuid4().hex[:8]}"
    url = create_database(name).replace("postgresql://", "postgresql+asyncpg://", 1)
    own = importlib.import_module(f"{package}.storage").Row.metadata

    def differences(connection: Connection) -> list[Any]:
        options = {"include_object": relevant, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        return compare_metadata(context, [ChassisRow.metadata, own])

    try:
        await upgrade(package, url)
        await upgrade(package, url)
        engine = create_async_engine(url)
        async with engine.connect() as connection:
            found = await connection.run_sync(differences)
        await engine.dispose()
    finally:
        drop_database(name)

    assert found == []
