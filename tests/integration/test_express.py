"""The express journey through all six services: a web order becomes cash without a person."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

from billing_svc.main import service as billing_service
from contract_svc.main import service as contract_service
from deal_svc.main import service as deal_service
from lead_svc.main import service as lead_service
from order_svc.main import service as order_service
from quote_svc.main import service as quote_service
from testkit.service_instances import Running, eventually, running
from tests.integration.test_first_hop import a_web_order

SERVICES = {
    "lead_svc": lead_service,
    "deal_svc": deal_service,
    "quote_svc": quote_service,
    "contract_svc": contract_service,
    "order_svc": order_service,
    "billing_svc": billing_service,
}
JOURNEYS = 60


async def parked(chain: dict[str, Running]) -> list[Any]:
    return [
        (name, *row)
        for name, service in chain.items()
        for row in await service.rows("SELECT topic, key, error_class, error FROM parked_key")
    ]


async def test_express_web_orders_become_cash_in_every_stage() -> None:
    async with AsyncExitStack() as stack:
        chain = {
            package: await stack.enter_async_context(running(service, package))
            for package, service in SERVICES.items()
        }
        async with chain["lead_svc"].client("integration_web") as web:
            orders = [a_web_order(n) for n in range(20_000, 20_000 + JOURNEYS)]
            answer = (await web.post("/leads/batch", json={"leads": orders})).json()
        assert answer["accepted"] == JOURNEYS

        async def earned() -> int:
            rows = await chain["lead_svc"].rows("SELECT count(body->>'settled_at') FROM lead")
            return int(rows[0][0])

        try:
            await eventually(earned, JOURNEYS)
        finally:
            assert await parked(chain) == []

        async def completed() -> int:
            done = "SELECT count(*) FROM contract WHERE status = 'completed'"
            return int((await chain["contract_svc"].rows(done))[0][0])

        await eventually(completed, JOURNEYS)
        won = (
            "SELECT count(*) FROM deal WHERE status = 'won' AND body->'outcome'->>'settled_at' > ''"
        )
        assert await chain["deal_svc"].rows(won) == [(JOURNEYS,)]
        async with chain["billing_svc"].client("finance") as finance:
            [total] = (await finance.get("/totals")).json()
            balances = (await finance.get("/ledger/balances")).json()
            invoices = (await finance.get("/invoices", params={"limit": 200})).json()["items"]
        assert total["contracted"] == total["invoiced"] == total["paid"]
        assert total["contracted"] == {"amount": f"{JOURNEYS * 1060}.00", "currency": "CNY"}
        assert total["ledger_balance"]["amount"] == "0.00"
        assert {b["account"]: b["balance"]["amount"] for b in balances} == {
            "clearing:alipay": f"{JOURNEYS * 1060}.00",
            "receivable": "0.00",
            "contract_liability": "0.00",
            "revenue": f"-{JOURNEYS * 1000}.00",
            "tax_payable": f"-{JOURNEYS * 60}.00",
            "unapplied_cash": "0.00",
        }
        numbers = sorted(int(invoice["number"].rsplit("-", 1)[1]) for invoice in invoices)
        assert numbers == list(range(1, JOURNEYS + 1))
        gates = [await service.rows("SELECT count(*) FROM gate") for service in chain.values()]
        assert gates == [[(0,)]] * 6
