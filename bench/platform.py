"""The whole platform under express load: as many journeys as it can take, and ten a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import psutil

from chassis.issuer import mint
from local_infra.postgres import role_password
from ltc.settings import STAGES, Settings

SETTLED = "SELECT count(*) FROM billing_account WHERE status = 'settled'"


@dataclass(frozen=True, slots=True)
class Load:
    """What a run of journeys took."""

    per_s: float
    cpu_ms: dict[str, float]
    """CPU milliseconds a journey, by process."""


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
                "text_hash": "t",
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

    def processes(self) -> dict[str, list[psutil.Process]]:
        """Every process of the installation; PostgreSQL with its children."""
        import json

        found: dict[str, list[psutil.Process]] = {}
        for file in self.settings.run_dir.glob("*.pid"):
            try:
                pid = json.loads(file.read_text())["pid"]
                parent = psutil.Process(pid)
                found[file.stem] = [parent, *parent.children(recursive=True)]
            except (psutil.Error, ValueError, KeyError, TypeError):
                continue
        found.pop("supervisor", None)
        return found

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far, by process."""
        used: dict[str, float] = {}
        for name, group in self.processes().items():
            total = 0.0
            for process in group:
                try:
                    times = process.cpu_times()
                    total += times.user + times.system
                    if name == "postgres":
                        total += (
                            times.children_user + times.children_system
                            if process is group[0]
                            else 0
                        )
                except psutil.Error:
                    continue
            used[name] = total
        return used

    def memory(self) -> dict[str, int]:
        """Resident MiB of each service."""
        return {
            name: group[0].memory_info().rss // 2**20
            for name, group in self.processes().items()
            if name in (*STAGES, "console", "hub")
        }

    async def saturate(self, journeys: int, *, bulk: bool) -> Load:
        """Offer all at once and wait until the last is settled."""
        run = uuid4().hex[:6]
        connection = await asyncpg.connect(self.dsn("billing"))
        before = await connection.fetchval(SETTLED)
        cpu = self.cpu()
        started = time.perf_counter()
        limits = httpx.Limits(max_connections=16)
        url = self.settings.url("lead")
        async with httpx.AsyncClient(
            base_url=url, headers=self.headers, timeout=120, limits=limits
        ) as client:
            if bulk:
                await self.offer_in_bulk(client, run, journeys)
            else:
                await self._singly(client, run, journeys)
        while await connection.fetchval(SETTLED) < before + journeys:
            await asyncio.sleep(0.1)
            if time.perf_counter() - started > 300:
                raise TimeoutError("the journeys did not settle within 300 s")
        took = time.perf_counter() - started
        await connection.close()
        after = self.cpu()
        used = {n: (after[n] - cpu.get(n, 0)) * 1000 / journeys for n in after}
        return Load(journeys / took, used)

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


def percentiles(values: Sequence[float]) -> tuple[float, float]:
    """The median and the 99th percentile."""
    cuts = quantiles(values, n=100)
    return cuts[49], cuts[98]
