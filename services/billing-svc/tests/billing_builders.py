"""What billing hears and is asked in its tests: one contract of three pieces, CNY 1,060.01."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx

from contracts.contract import ContractSigned, ContractTerminated
from contracts.ids import AccountId, ContractId, DealId, OrderId, QuoteId
from contracts.money import Money
from contracts.order import OrderCancelled, OrderDelivered, OrderFulfilled
from contracts.parties import Account
from contracts.terms import (
    Evidence,
    LineProgress,
    LineQuantity,
    PaymentTerms,
    PricedLine,
    ScheduleItem,
    Totals,
)
from testkit.harness import Harness

NOW = datetime.now(UTC)
CONTRACT = ContractId(UUID(int=5))
NET, TAX = Money(1000_00, "CNY"), Money(60_01, "CNY")
GROSS = NET + TAX


def a_signature(*items: ScheduleItem, **changes: Any) -> ContractSigned:
    line = PricedLine(
        line_no=1,
        sku="HW",
        name="Gateway",
        kind="goods",
        quantity=3,
        list_price=NET,
        discount_percent=Decimal(0),
        net=NET,
        tax_percent=Decimal(6),
        tax=TAX,
    )
    values: dict[str, Any] = {
        "contract_id": CONTRACT,
        "number": "C-1",
        "deal_id": DealId(UUID(int=1)),
        "quote_id": QuoteId(UUID(int=2)),
        "deal_number": "D-1",
        "lead_id": None,
        "account": Account(account_id=AccountId(UUID(int=3)), name="Acme"),
        "contact": None,
        "owner": None,
        "legal_entity": "LTC-CN",
        "lines": (line,),
        "totals": Totals(net=NET, tax=TAX, gross=GROSS),
        "payment_terms": PaymentTerms(kind="on_delivery"),
        "schedule": items or (ScheduleItem(n=1, due="on_delivery", amount=GROSS),),
        "version_hash": "a",
        "text_hash": "b",
        "signed_at": NOW,
    }
    return ContractSigned(**{**values, **changes})


def progress(delivered: int, cancelled: int = 0) -> tuple[LineProgress, ...]:
    return (
        LineProgress(
            line_no=1,
            sku="HW",
            ordered=3,
            shipped=delivered,
            delivered=delivered,
            cancelled=cancelled,
        ),
    )


ABOUT: dict[str, Any] = {
    "order_id": OrderId(UUID(int=6)),
    "number": "O-1",
    "contract_id": CONTRACT,
    "deal_id": DealId(UUID(int=1)),
}


def a_delivery(delivered: int) -> OrderDelivered:
    return OrderDelivered(
        **ABOUT,
        lines=(LineQuantity(line_no=1, quantity=1),),
        progress=progress(delivered),
        evidence=Evidence(by="ERP", at=NOW, method="erp"),
        delivered_at=NOW,
    )


def a_fulfilment(delivered: int = 3) -> OrderFulfilled:
    return OrderFulfilled(**ABOUT, progress=progress(delivered, 3 - delivered), fulfilled_at=NOW)


def a_cancellation(cancelled: int, delivered: int = 0) -> OrderCancelled:
    return OrderCancelled(
        **ABOUT,
        lines=(LineQuantity(line_no=1, quantity=cancelled),),
        progress=progress(delivered, cancelled),
        reason="no need any more",
        cancelled_by="desk",
        cancelled_at=NOW,
    )


def an_end() -> ContractTerminated:
    return ContractTerminated(
        contract_id=CONTRACT,
        number="C-1",
        deal_id=DealId(UUID(int=1)),
        quote_id=QuoteId(UUID(int=2)),
        reason="bankrupt",
        terminated_by="manager",
        terminated_at=NOW,
    )


UPFRONT = ScheduleItem(n=1, due="on_signature", amount=GROSS)


def money(amount: Money) -> dict[str, str]:
    return {"amount": amount.amount, "currency": amount.currency}


def a_line(number: str, amount: Money, reference: str = "B-1", **changes: Any) -> dict[str, Any]:
    return {
        "bank_reference": reference,
        "amount": money(amount),
        "booked_at": NOW.isoformat(),
        "payer": "Acme",
        "remittance": f"for {number}",
        **changes,
    }


async def report(billing_svc: Harness, *lines: dict[str, Any]) -> httpx.Response:
    """The bank reports these lines."""
    async with billing_svc.client("integration_bank") as bank:
        headers = {"Idempotency-Key": uuid4().hex}
        return await bank.post("/bank-statements", json={"lines": lines}, headers=headers)


async def pay(
    billing_svc: Harness, number: str, amount: Money, reference: str = "B-1", **changes: Any
) -> httpx.Response:
    return await report(billing_svc, a_line(number, amount, reference, **changes))


async def post(client: httpx.AsyncClient, path: str, form: Any, **headers: str) -> httpx.Response:
    key = {"Idempotency-Key": uuid4().hex}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post(path, json=form, headers={**key, **named})


async def balances(billing_svc: Harness) -> dict[str, int]:
    """What lies on each ledger account, where it is not zero."""
    rows = await billing_svc.rows(
        "SELECT account, sum(minor)::bigint FROM ledger_entry GROUP BY 1 HAVING sum(minor) <> 0"
    )
    return dict(rows)


async def books_agree(billing_svc: Harness) -> None:
    """M1, M2, M6, M7 of every row that there is."""
    [[unbalanced]] = await billing_svc.rows(
        "SELECT count(*) FROM (SELECT 1 FROM ledger_entry GROUP BY transaction_id, currency"
        " HAVING sum(minor) <> 0 OR count(*) < 2) t"
    )
    [[receivable]] = await billing_svc.rows(
        "SELECT coalesce(sum(minor), 0)::bigint FROM ledger_entry WHERE account = 'receivable'"
    )
    [[outstanding]] = await billing_svc.rows(
        "SELECT coalesce(sum(outstanding_minor), 0)::bigint FROM invoice"
    )
    [[unapplied]] = await billing_svc.rows(
        "SELECT coalesce(sum(unapplied_minor), 0)::bigint FROM payment"
    )
    [[held]] = await billing_svc.rows(
        "SELECT coalesce(-sum(minor), 0)::bigint FROM ledger_entry WHERE account = 'unapplied_cash'"
    )
    assert (unbalanced, receivable, held) == (0, outstanding, unapplied)
