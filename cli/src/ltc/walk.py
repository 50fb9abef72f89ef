"""One journey through its human gates, as the demo and the tests of guarantees walk it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from local_infra import bank, erp
from ltc.people import Person, wait_for
from ltc.settings import Settings

TERMS: tuple[dict[str, Any], ...] = (
    {"kind": "on_delivery"},
    {"kind": "prepaid"},
    {
        "kind": "instalments",
        "instalments": [
            {"percent": "30", "due": "on_signature"},
            {"percent": "70", "due": "on_delivery"},
        ],
    },
)


class Walked(NamedTuple):
    """Where a walk ended."""

    number: str
    journey: str
    contract: str


@contextmanager
def sellers(settings: Settings) -> Iterator[dict[str, Person]]:
    """Who sells, who approves, and the customer without an account."""
    with (
        Person(settings, "rep-1", "李雷", "sales_rep") as rep,
        Person(settings, "boss-1", "Margaret", "sales_manager") as manager,
        Person(settings, "", "") as customer,
    ):
        yield {"rep": rep, "manager": manager, "customer": customer}


def walk(cast: Mapping[str, Person], settings: Settings, lead: dict[str, Any], n: int) -> Walked:
    """One new lead through its human gates: rep, manager, customer, ERP, bank. ``n`` chooses how
    it is paid. Returns once it is settled."""
    rep, manager, customer = cast["rep"], cast["manager"], cast["customer"]
    rep.post("lead", f"/leads/{lead['id']}/qualification", {"need": "采集网关与上线服务"})
    journey = lead["journey_id"]

    def one(person: Person, stage: str, path: str, status: str | None = None) -> Any:
        def look() -> Any:
            items = person.get(stage, path, journey=journey)["items"]
            return next((i for i in items if status in (None, i.get("status"))), None)

        return wait_for(look, what=f"{path[1:-1]} of {lead['number']}")

    deal = one(rep, "deal", "/deals")
    needs = {
        "lines": [
            {"sku": "HW-GATEWAY", "quantity": 3, "discount_percent": "15"},
            {"sku": "SVC-ONBOARD", "quantity": 1},
        ],
        "payment_terms": TERMS[n % len(TERMS)],
        "currency": "CNY",
    }
    path = f"/deals/{deal['id']}"
    rep.put("deal", f"{path}/needs", needs, seen=rep.etag("deal", path))
    rep.post("deal", f"{path}/proposal-request")
    quote = one(rep, "quote", "/quotes")
    path = f"/quotes/{quote['id']}"
    if quote["versions"][-1]["status"] == "pending_approval":
        manager.post("quote", f"{path}/approval", seen=manager.etag("quote", path))
    token = rep.get("quote", f"{path}/link")["token"]
    offer = customer.get("quote", f"/offers/{token}")
    yes = {
        "name": lead["contact"]["name"],
        "version": offer["version"],
        "version_hash": offer["version_hash"],
        "agree": True,
    }
    customer.post("quote", f"/offers/{token}/acceptance", yes)
    contract = one(rep, "contract", "/contracts", "awaiting_signature")
    token = rep.get("contract", f"/contracts/{contract['id']}/link")["token"]
    text_hash = customer.get("contract", f"/signing/{token}")["text_hash"]
    signature = {"name": lead["contact"]["name"], "text_hash": text_hash, "agree": True}
    customer.post("contract", f"/signing/{token}/signature", signature)
    _deliver_and_pay(settings, contract)
    return Walked(contract["number"], journey, contract["id"])


def _deliver_and_pay(settings: Settings, contract: dict[str, Any]) -> None:
    """The ERP ships and delivers in parts, the bank reports what the customer pays."""
    with (
        Person(settings, "desk-1", "Order desk", "order_desk") as desk,
        Person(settings, "erp", "ERP", "integration_erp") as carrier,
        Person(settings, "bank", "Bank", "integration_bank") as bankers,
        Person(settings, "fin-1", "周会计", "finance") as finance,
    ):
        warehouse = erp.ErpSimulator(carrier, desk)
        statement = bank.Statement(settings.home / "bank" / "statement.ndjson")
        cash = bank.BankSimulator(bankers, statement)

        def settled() -> bool:
            invoices = finance.get("billing", "/invoices", contract=contract["id"])["items"]
            cash.pay_open(invoices)
            warehouse.work_once(contract["id"])
            done = finance.get("billing", f"/billing-accounts/{contract['id']}")
            return bool(done["status"] == "settled")

        wait_for(
            lambda: desk.get("order", "/orders", contract=contract["id"])["items"],
            what=f"the order of {contract['number']}",
        )
        wait_for(settled, what=f"the settlement of {contract['number']}")
