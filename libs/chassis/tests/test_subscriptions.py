"""The record of subscriptions that the deploy step keeps, with the start of each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from thing_service import thing_app

from chassis.bulk import ask
from chassis.cluster import Cluster
from chassis.consumer import Consumer
from chassis.migrate import ensure_group_offsets
from contracts.event import Event
from contracts.lead import LeadCaptured, LeadQualified
from testkit.servers import kafka_bootstrap

GROUP = f"thing-{uuid4().hex[:8]}"
HEARD = f"{LeadCaptured.topic}/{LeadCaptured.name}"
HEARD_LATER = f"{LeadQualified.topic}/{LeadQualified.name}"


@pytest.fixture
async def app() -> AsyncIterator[FastAPI]:
    async with thing_app() as app:
        yield app


async def deploy(app: FastAPI, *facts: type[Event]) -> dict[str, str]:
    """Deploy a version with these subscriptions; the stored record afterwards."""
    consumer = Consumer(GROUP)
    for fact in facts:

        @consumer.on(fact)
        async def note(_fact: Any, _tx: Any) -> None: ...

    url = app.state.settings.database_url.get_secret_value()
    await ensure_group_offsets(url, Cluster(kafka_bootstrap()), consumer)
    engine = app.state.database.engine
    rows = await ask(
        engine, "SELECT topic, since::text FROM subscription WHERE consumer = $1", GROUP
    )
    return {row[0]: row[1] for row in rows}


async def test_subscription_of_a_new_topic_starts_at_the_beginning(app: FastAPI) -> None:
    kept = await deploy(app, LeadCaptured)

    assert set(kept) == {LeadCaptured.topic, HEARD}
    assert kept[HEARD] == "-infinity"


async def test_subscription_of_a_later_type_starts_at_its_deployment(app: FastAPI) -> None:
    first = await deploy(app, LeadCaptured)
    kept = await deploy(app, LeadCaptured, LeadQualified)

    assert first.items() < kept.items()
    since = datetime.fromisoformat(kept[HEARD_LATER])
    assert timedelta(0) <= datetime.now(UTC) - since < timedelta(minutes=1)
    assert await deploy(app, LeadCaptured, LeadQualified) == kept, "kept as it was"


async def test_subscription_removed_and_added_again_starts_anew(app: FastAPI) -> None:
    await deploy(app, LeadCaptured, LeadQualified)

    assert set(await deploy(app, LeadCaptured)) == {LeadCaptured.topic, HEARD}
    assert (await deploy(app, LeadCaptured, LeadQualified))[HEARD_LATER] != "-infinity"
