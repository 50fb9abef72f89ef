"""The webhook interface at a live hub: both signatures, and a receiver that was down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from live_hub import WEBHOOKS, Hub, a_hub, an_endpoint
from speaking import a_deal, publish

import ltc_client
from contracts.deal import DealFact
from local_infra.ports import free_port, is_free
from ltc_client import Fact
from testkit.deadline import DEADLINE_S
from testkit.servers import kafka_bootstrap
from testkit.service_instances import eventually

DEALS = 20


@pytest.fixture(scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    async with a_hub(tmp_path_factory.mktemp("hub"), **WEBHOOKS) as hub:
        yield hub


async def listens(port: int) -> bool:
    return not is_free(port)


async def tried(hub: Hub, endpoint_id: str) -> bool:
    """Whether the hub has recorded an attempt at an endpoint."""
    return bool(hub.rows(f"SELECT 1 FROM attempt WHERE endpoint_id = '{endpoint_id}'"))  # noqa: S608


async def heard(facts: ltc_client.Subscription, n: int) -> list[Fact]:
    found: list[Fact] = []
    async with asyncio.timeout(DEADLINE_S):
        async for fact in facts:
            found.append(fact)
            if len(found) == n:
                break
    return found


@pytest.mark.parametrize("signature", ["hmac", "ed25519"])
async def test_client_webhook_gets_signed_events_in_order_from_the_hub(
    hub: Hub, signature: str
) -> None:
    port = free_port()
    _, secret = an_endpoint(hub, port, signature=signature)
    deals = [list(a_deal(n)) for n in range(DEALS)]
    async with ltc_client.webhook(secret, types="deal.*", port=port) as facts:
        reading = asyncio.ensure_future(heard(facts, DEALS * 3))
        await eventually(partial(listens, port), True)
        await publish(kafka_bootstrap(), [fact for deal in deals for fact in deal])
        found = await reading
    assert all(isinstance(fact.said, DealFact) for fact in found)
    for deal in deals:
        of_it = [fact.sequence for fact in found if fact.subject == deal[0][0].subject]
        assert of_it == [1, 2, 3]


async def test_client_webhook_gets_missed_events_after_downtime(hub: Hub, tmp_path: Path) -> None:
    port = free_port()
    made, secret = an_endpoint(hub, port)
    deal = list(a_deal(1))
    await publish(kafka_bootstrap(), deal)
    await eventually(partial(tried, hub, made), True)
    async with ltc_client.webhook(secret, types="deal.*", port=port) as facts:
        reading = asyncio.ensure_future(heard(facts, 3))
        await eventually(partial(listens, port), True)
        hub.execute("UPDATE delivery SET next_at = now() WHERE state = 'pending'")
        found = await reading
    assert [fact.id for fact in found] == [envelope.id for envelope, *_ in deal]
