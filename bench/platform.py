"""The whole platform under express load: as many journeys as it can take, and ten a second."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx

from bench.deliveries import delivered, last_delivery, quiet
from bench.figures import percentiles
from bench.processes import cpu_seconds, pss_mib, used_between
from chassis.issuer import mint
from chassis.schema import first_id
from contracts.consents import STANDARD_HASH
from local_infra.postgres import role_password
from ltc.settings import STAGES, Settings

SETTLED = "SELECT count(*) FROM billing_account WHERE status = 'settled'"
SETTLED_SINCE = f"{SETTLED} AND journey_id >= $1"
SETTLED_WITHIN_S = 300.0


@dataclass(frozen=True, slots=True)
class Load:
    """What a run of journeys took."""

    per_s: float
    """Journeys a second until the last was settled."""
    cpu_ms: dict[str, float]
    """CPU milliseconds a journey, by process, until the last event was consumed."""
    deliveries: int
    """Events that services and observers consumed, as their inboxes count them."""
    delivered_per_s: float
    """Deliveries a second until the last of them."""
    behind_s: float
    """Seconds from the last settlement until the console and the hub have folded every event."""


def web_order(run: str, n: int) -> dict[str, Any]:
    """An express order: a service, prepaid, with the consent that covers the signature."""
    at = (datetime.now(UTC) - timedelta(seconds=5)).isoformat()
    return {
        "contact": {"name": f"Bench {n}", "email": f"b{run}{n}@example.cn"},
        "company": {"name": f"Bench {run} {n}"},
        "origin": {"channel": "website", "source_system": "bench", "external_id": f"{run}-{n}"},
        "order": {
            "lines": [{"sku": "SVC-ONBOARD", "quantity": 1}],
            "currency": "CNY",
            "consent": {
                "given_by": "Bench",
                "given_at": at,
                "text_hash": STANDARD_HASH,
                "covers": ["price", "terms", "signature"],
            },
            "prepayment": {
                "provider": "alipay",
                "reference": f"B-{run}-{n}",
                "amount": {"amount": "1060.00", "currency": "CNY"},
                "captured_at": at,
            },
        },
    }


class Platform:
    """A running installation, as the bench drives and watches it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        token = mint(
            settings.key_file,
            settings.issuer,
            sub="bench",
            name="Bench",
            roles=["integration_web", "integration_import", "finance", "ops", "subscriber"],
            ttl_s=7200,
        )
        self.headers = {"Authorization": f"Bearer {token}"}

    def dsn(self, name: str) -> str:
        secret = role_password(self.settings.secret("roles"), name)
        return f"postgresql://{name}:{secret}@127.0.0.1:{self.settings.pg_port}/{name}"

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far, by process."""
        return cpu_seconds(self.settings.run_dir)

    async def at_rest(self, settle_s: float, for_s: float) -> dict[str, Any]:
        """CPU and memory of the whole installation while nothing is asked of it."""
        await asyncio.sleep(settle_s)
        before, began = self.cpu(), time.perf_counter()
        await asyncio.sleep(for_s)
        took = time.perf_counter() - began
        used = {n: s * 1000 / took for n, s in used_between(before, self.cpu()).items()}
        memory = pss_mib(self.settings.run_dir)
        return {
            "idle_cpu_ms_per_s": sum(used.values()),
            "idle_cpu_by_process": used,
            "idle_pss_mib": sum(memory.values()),
            "idle_pss_by_process": memory,
        }

    async def saturate(self, journeys: int, *, bulk: bool) -> Load:
        """Offer all at once and wait until the last is settled, then until every service and
        observer has consumed what the journeys published."""
        run, since = uuid4().hex[:6], datetime.now(UTC)
        counted = await delivered(self)
        cpu = self.cpu()
        started = time.monotonic()
        limits = httpx.Limits(max_connections=16)
        url = self.settings.url("lead")
        async with httpx.AsyncClient(
            base_url=url, headers=self.headers, timeout=120, limits=limits
        ) as client:
            if bulk:
                await self.offer_in_bulk(client, run, journeys)
            else:
                await self._singly(client, run, journeys)
        await self._settle(since, journeys)
        settled = time.monotonic()
        folded = await quiet(self)
        used = used_between(cpu, self.cpu())
        deliveries = await delivered(self) - counted
        last = await last_delivery(self)
        return Load(
            per_s=journeys / (settled - started),
            cpu_ms={name: seconds * 1000 / journeys for name, seconds in used.items()},
            deliveries=deliveries,
            delivered_per_s=deliveries / (last - since).total_seconds(),
            behind_s=max(0.0, folded - settled),
        )

    async def _settle(self, since: datetime, journeys: int) -> None:
        """Wait until so many journeys that began since then are settled."""
        connection = await asyncpg.connect(self.dsn("billing"))
        until = time.monotonic() + SETTLED_WITHIN_S
        try:
            while await connection.fetchval(SETTLED_SINCE, first_id(since)) < journeys:
                await asyncio.sleep(0.1)
                if time.monotonic() > until:
                    raise TimeoutError(f"journeys did not settle within {SETTLED_WITHIN_S:.0f} s")
        finally:
            await connection.close()

    async def offer_in_bulk(self, client: httpx.AsyncClient, run: str, journeys: int) -> None:
        """Capture so many orders, 500 a request."""
        for start in range(0, journeys, 500):
            part = [web_order(run, n) for n in range(start, min(start + 500, journeys))]
            answer = await client.post("/leads/batch", json={"leads": part})
            answer.raise_for_status()

    async def _singly(self, client: httpx.AsyncClient, run: str, journeys: int) -> None:
        gate = asyncio.Semaphore(16)

        async def one(n: int) -> None:
            async with gate:
                (await client.post("/leads", json=web_order(run, n))).raise_for_status()

        await asyncio.gather(*(one(n) for n in range(journeys)))

    async def latency(self, journeys: int, *, per_s: float) -> tuple[float, float]:
        """Milliseconds from the answer to the capture until the journey is settled: p50 and p99."""
        run = uuid4().hex[:6]
        async with httpx.AsyncClient(
            base_url=self.settings.url("lead"), headers=self.headers, timeout=30
        ) as client:
            started = time.perf_counter()
            ids = []
            for n in range(journeys):
                await asyncio.sleep(max(0, started + n / per_s - time.perf_counter()))
                answer = await client.post("/leads", json=web_order(run, n))
                ids.append(answer.json()["journey_id"])
        await asyncio.sleep(3)
        lead = await asyncpg.connect(self.dsn("lead"))
        billing = await asyncpg.connect(self.dsn("billing"))
        captured = dict(
            await lead.fetch(
                "SELECT journey_id, created_at FROM lead WHERE journey_id = ANY($1::uuid[])", ids
            )
        )
        settled = dict(
            await billing.fetch(
                "SELECT journey_id, updated_at FROM billing_account WHERE status = 'settled'"
                " AND journey_id = ANY($1::uuid[])",
                ids,
            )
        )
        await lead.close()
        await billing.close()
        if len(settled) != len(ids):
            raise LookupError(f"{len(ids) - len(settled)} of {len(ids)} journeys did not settle")
        return percentiles([(settled[i] - captured[i]).total_seconds() * 1000 for i in captured])

    async def dwell(self) -> tuple[float, float]:
        """Milliseconds from a fact's outbox row to Kafka's acknowledgement, lately: p50 and p99."""
        values: list[float] = []
        for stage in STAGES:
            connection = await asyncpg.connect(self.dsn(stage))
            rows = await connection.fetch(
                "SELECT extract(epoch FROM published_at - created_at) * 1000 FROM event_log"
                " ORDER BY published_at DESC LIMIT 500"
            )
            values += [float(row[0]) for row in rows]
            await connection.close()
        return percentiles(values)
