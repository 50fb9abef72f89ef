"""A small installation in this process, and the evidence loaded from it, to be broken in tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from tests.integration.test_first_hop import a_web_order

from ltc.settings import CONSOLE, HUB, STAGES
from ltc.verify.report import Finding
from ltc.verify.rules import rules
from ltc.verify.run import Wish, ask
from ltc.verify.scratch import finish
from ltc.verify.sources import Sources
from testkit.service_instances import Running, eventually

ORDERS = 12


def moved_deal(n: int, stage: str) -> dict[str, Any]:
    deal: dict[str, Any] = {
        "source_system": "crm",
        "external_id": f"M-{n}",
        "owner": {"sub": "rep", "name": "Rep"},
        "account": "Acme",
        "product": "GTX Pro",
        "stage": stage,
        "engaged_at": "2026-10-01T00:00:00Z",
    }
    if stage in ("won", "lost"):
        value = {"amount": "4514.00" if stage == "won" else "0.00", "currency": "USD"}
        deal |= {"value": value, "closed_at": "2026-11-01T00:00:00Z"}
    return deal


@dataclass
class Chain:
    """All six services, the console and the hub, and where their evidence is."""

    services: dict[str, Running]
    sources: Sources
    history: list[dict[str, Any]] = field(default_factory=list)

    async def capture(self, numbers: range) -> None:
        """Web orders through the bulk door, each answer noted."""
        async with self.services["lead"].client("integration_web") as web:
            orders = [a_web_order(n) for n in numbers]
            answer = (await web.post("/leads/batch", json={"leads": orders})).json()
        for order, result in zip(orders, answer["results"], strict=True):
            key = order["origin"]["external_id"]
            self.history.append(
                {"op": "bulk", "key": key, "status": "ok", "journey_id": result["journey_id"]}
            )

    async def at_rest(self, journeys: int) -> None:
        """So many journeys are settled, every stage and the console has heard of it, and so have
        the hub's subscribers."""

        async def left() -> int:
            settled = await self.count("billing", "billing_account WHERE status = 'settled'")
            done = await self.count("contract", "contract WHERE status = 'completed'")
            told = await self.count("deal", "deal WHERE body->'outcome'->>'settled_at' IS NOT NULL")
            return 3 * journeys - settled - done - told

        await eventually(left, 0)
        filed = "journey_event"

        async def unfiled() -> int:
            said = [
                await self.count(s, "event_log") + await self.count(s, "outbox") for s in STAGES
            ]
            return sum(said) - await self.count(CONSOLE, filed)

        await eventually(unfiled, 0)

        async def untold() -> int:
            said = await self.count(CONSOLE, filed)
            unfed = said - await self.count(HUB, "feed")
            unfolded = await self.count(HUB, "feed WHERE position > (SELECT position FROM fold)")
            undealt = await self.count(HUB, "feed WHERE position > (SELECT position FROM fan_out)")
            pending = await self.count(HUB, "delivery WHERE state = 'pending'")
            return unfed + unfolded + undealt + pending

        await eventually(untold, 0)

    async def count(self, service: str, what: str) -> int:
        rows = await self.services[service].rows(f"SELECT count(*) FROM {what}")  # noqa: S608
        return int(rows[0][0])


async def subscribe(chain: Chain, url: str, **wanted: list[str]) -> None:
    async with chain.services[HUB].client("subscriber", sub="erp") as erp:
        answer = await erp.post("/endpoints", json={"url": url, "filter": wanted})
    assert answer.status_code == 201, answer.text


async def more_of_life(chain: Chain) -> None:
    async with chain.services["lead"].client("sales_rep") as rep:
        for n in range(3):
            form = {
                "contact": {"name": f"Visitor {n}", "email": f"w{n}@example.cn"},
                "origin": {"channel": "exhibition"},
            }
            lead = (await rep.post("/leads", json=form)).json()
        turned_down = f"/leads/{lead['lead_id']}/disqualification"
        answer = await rep.post(turned_down, json={"reason": "a student"})
        assert answer.is_success, answer.text
    async with chain.services["deal"].client("integration_import") as crm:
        deals = [moved_deal(n, s) for n, s in enumerate(("won", "lost", "engaging"))]
        answer = await crm.post("/deals/batch", json={"deals": deals})
        assert answer.json()["accepted"] == 3, answer.text


class Loaded:
    """The evidence of the chain at rest, to be broken again and again."""

    def __init__(self, scratch: duckdb.DuckDBPyConnection) -> None:
        self._scratch = scratch

    def findings(self, *changes: str, settled: bool = False) -> list[Finding]:
        """Change the evidence, ask every rule, take the change back."""
        self._scratch.execute("BEGIN")
        try:
            for change in changes:
                changed = self._scratch.execute(change).fetchall()
                assert changed in ([], [(None,)]) or changed[0][0], f"changed nothing: {change}"
            finish(self._scratch, history=True, statement=True)
            wish = Wish(history=Path(), statement=Path(), settled=settled)
            return ask(self._scratch, rules(), wish)
        finally:
            self._scratch.execute("ROLLBACK")
