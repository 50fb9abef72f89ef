"""The webhook interface at a live hub: both signatures, and a receiver that was down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from live_hub import WEBHOOKS, Hub, a_hub, an_endpoint
from speaking import a_deal, publish

import ltc_client
from contracts.deal import DealFact
from local_infra.ports import free_port
from ltc_client import Fact
from testkit.servers import kafka_bootstrap

DEALS = 20


@pytest.fixture(scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    async with a_hub(tmp_path_factory.mktemp("hub"), **WEBHOOKS) as hub:
        yield hub


async def heard(facts: ltc_client.Subscription, n: int) -> list[Fact]:
    found: list[Fact] = []
    async with asyncio.timeout(60):
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
        await asyncio.sleep(0.5)
        await publish(kafka_bootstrap(), [fact for deal in deals for fact in deal])
        found = await reading
    assert all(isinstance(fact.said, DealFact) for fact in found)
    for deal in deals:
        of_it = [fact.sequence for fact in found if fact.subject == deal[0][0].subject]
        assert of_it == [1, 2, 3]


async def test_client_webhook_gets_missed_events_after_downtime(hub: Hub, tmp_path: Path) -> None:
    port = free_port()
    _, secret = an_endpoint(hub, port)
    deal = list(a_deal(1))
    await publish(kafka_bootstrap(), deal)
    await asyncio.sleep(2)  # tried in vain; the hub tries again 5 s later
    async with ltc_client.webhook(secret, types="deal.*", port=port) as facts:
        found = await heard(facts, 3)
    assert [fact.id for fact in found] == [envelope.id for envelope, *_ in deal]
