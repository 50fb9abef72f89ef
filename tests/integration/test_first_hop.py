"""One event from lead to deal and the answer: outbox, relay, Kafka, inbox, trace."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

import httpx

from contracts.consents import STANDARD_HASH
from deal_svc.main import service as deal_service
from lead_svc.main import service as lead_service
from testkit.service_instances import Running, eventually, running

LEADS = 300


def a_web_order(n: int) -> dict[str, Any]:
    return {
        "contact": {"name": f"客户 {n}", "email": f"c{n}@example.cn"},
        "origin": {"channel": "website", "source_system": "shop", "external_id": f"H-{n}"},
        "order": {
            "lines": [{"sku": "SVC-ONBOARD", "quantity": 1}],
            "currency": "CNY",
            "consent": {
                "given_by": "c",
                "given_at": "2026-11-01T08:00:00Z",
                "text_hash": STANDARD_HASH,
                "covers": ["price", "terms", "signature"],
            },
            "prepayment": {
                "provider": "alipay",
                "reference": f"H-{n}",
                "amount": {"amount": "1060.00", "currency": "CNY"},
                "captured_at": "2026-11-01T08:00:00Z",
            },
        },
    }


async def offer(lead: Running, numbers: range) -> None:
    """Half through the bulk door, half one request each, a few at once: who waits too long for a
    connection of the database is refused."""
    at_once = asyncio.Semaphore(4)
    async with lead.client("integration_web") as client:

        async def one(n: int) -> httpx.Response:
            async with at_once:
                return await client.post("/leads", json=a_web_order(n))

        half = numbers.start + len(numbers) // 2
        batch = [a_web_order(n) for n in range(numbers.start, half)]
        answers: list[httpx.Response] = [await client.post("/leads/batch", json={"leads": batch})]
        answers += await asyncio.gather(*(one(n) for n in range(half, numbers.stop)))
    assert all(answer.is_success for answer in answers)


async def test_first_hop_every_lead_becomes_one_deal_with_two_instances_each() -> None:
    async with (
        running(lead_service, "lead_svc", instances=2) as lead,
        running(deal_service, "deal_svc", instances=2) as deal,
    ):
        await offer(lead, range(LEADS))

        async def converted() -> int:
            rows = await lead.rows("SELECT count(*) FROM lead WHERE status = 'converted'")
            return int(rows[0][0])

        await eventually(converted, LEADS)

        deals = await deal.rows("SELECT count(*), count(DISTINCT body->>'lead_id') FROM deal")
        assert deals == [(LEADS, LEADS)]
        assert await lead.rows("SELECT count(*) FROM parked_key") == [(0,)]
        assert await deal.rows("SELECT count(*) FROM parked_key") == [(0,)]

        async def unpublished() -> int:
            left = [await s.rows("SELECT count(*) FROM outbox") for s in (lead, deal)]
            return sum(int(rows[0][0]) for rows in left)

        await eventually(unpublished, 0)
        # Published in the order of each aggregate, without a gap.
        log = await lead.rows("SELECT aggregateid, aggregate_version FROM event_log ORDER BY seq")
        versions: dict[str, list[int]] = defaultdict(list)
        for aggregate, version in log:
            versions[aggregate].append(version)
        assert len(versions) == LEADS
        assert all(v == [1, 2, 3] for v in versions.values())


async def test_first_hop_trace_of_a_lead_reaches_its_deal() -> None:
    async with (
        running(lead_service, "lead_svc") as lead,
        running(deal_service, "deal_svc") as deal,
    ):
        await offer(lead, range(9000, 9002))

        async def deals() -> int:
            return int((await deal.rows("SELECT count(*) FROM event_log"))[0][0])

        await eventually(deals, 4)
        said = (
            "SELECT headers->>'ce_correlationid', headers->>'ce_id' FROM event_log WHERE type = $1"
        )
        heard = (
            "SELECT headers->>'ce_correlationid', headers->>'ce_causationid' FROM event_log"
            " WHERE type = $1"
        )
        qualified = await lead.rows(said, "ltc.lead.qualified.v1")
        opened = await deal.rows(heard, "ltc.deal.opened.v1")
        assert sorted(qualified) == sorted(opened)
        trace = "SELECT split_part(headers->>'traceparent', '-', 2) FROM event_log WHERE type = $1"
        assert sorted(await lead.rows(trace, "ltc.lead.qualified.v1")) == sorted(
            await deal.rows(trace, "ltc.deal.opened.v1")
        )
