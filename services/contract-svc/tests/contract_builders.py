"""What contract-svc hears in its tests: an accepted offer of two pieces, and what follows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from contract_svc.commands.draft import contract_id_of
from contracts.billing import InvoiceCredited, InvoiceIssued, InvoicePaid, JourneySettled
from contracts.ids import AccountId, ContractId, DealId, InvoiceId, OrderId, QuoteId
from contracts.money import Money
from contracts.order import OrderCancelled, OrderFulfilled, OrderPlaced
from contracts.parties import Account
from contracts.quote import QuoteAccepted
from contracts.terms import (
    Evidence,
    LineProgress,
    LineQuantity,
    PaymentTerms,
    PricedLine,
    Totals,
)

NOW = datetime.now(UTC)
DEAL = DealId(UUID(int=1))
QUOTE = QuoteId(UUID(int=2))
CONTRACT = ContractId(contract_id_of(QUOTE, 1))
NET, TAX = Money(1000_00, "CNY"), Money(60_00, "CNY")
GROSS = NET + TAX
ACCOUNT = Account(account_id=AccountId(UUID(int=3)), name="Acme")


def an_acceptance(**changes: Any) -> QuoteAccepted:
    line = PricedLine(
        line_no=1,
        sku="SVC",
        name="Service",
        kind="service",
        quantity=2,
        list_price=NET,
        discount_percent=Decimal(0),
        net=NET,
        tax_percent=Decimal(6),
        tax=TAX,
    )
    values: dict[str, Any] = {
        "quote_id": QUOTE,
        "number": "Q-1",
        "deal_id": DEAL,
        "version": 1,
        "deal_number": "D-1",
        "lead_id": None,
        "account": ACCOUNT,
        "contact": None,
        "owner": None,
        "lines": (line,),
        "totals": Totals(net=NET, tax=TAX, gross=GROSS),
        "payment_terms": PaymentTerms(kind="on_delivery"),
        "valid_until": NOW,
        "version_hash": "abc",
        "accepted_at": NOW,
        "evidence": Evidence(by="Ada", at=NOW, method="signed_link"),
    }
    return QuoteAccepted(**{**values, **changes})


def a_big_acceptance() -> QuoteAccepted:
    """Beyond what a policy signs for the company."""
    big = Money(100_000_00, "CNY")
    return an_acceptance(totals=Totals(net=big, tax=Money(0, "CNY"), gross=big))


ORDER: dict[str, Any] = {
    "order_id": OrderId(UUID(int=6)),
    "number": "O-1",
    "contract_id": CONTRACT,
    "deal_id": DEAL,
}
INVOICE: dict[str, Any] = {
    "invoice_id": InvoiceId(UUID(int=8)),
    "number": "INV-1",
    "contract_id": CONTRACT,
    "deal_id": DEAL,
}


def progress(shipped: int, delivered: int, cancelled: int) -> tuple[LineProgress, ...]:
    return (
        LineProgress(
            line_no=1,
            sku="SVC",
            ordered=2,
            shipped=shipped,
            delivered=delivered,
            cancelled=cancelled,
        ),
    )


def an_order() -> OrderPlaced:
    return OrderPlaced(
        **ORDER,
        account=ACCOUNT,
        progress=progress(0, 0, 0),
        promised_on=date(2026, 12, 1),
        placed_at=NOW,
    )


def a_cancellation(shipped: int, delivered: int, cancelled: int) -> OrderCancelled:
    return OrderCancelled(
        **ORDER,
        lines=(LineQuantity(line_no=1, quantity=cancelled),),
        progress=progress(shipped, delivered, cancelled),
        reason="asked",
        cancelled_by="desk-1",
        cancelled_at=NOW,
    )


def a_fulfilment(delivered: int = 2) -> OrderFulfilled:
    return OrderFulfilled(
        **ORDER, progress=progress(delivered, delivered, 2 - delivered), fulfilled_at=NOW
    )


def an_invoice() -> InvoiceIssued:
    return InvoiceIssued(
        **INVOICE,
        legal_entity="LTC-CN",
        account=ACCOUNT,
        schedule_item=1,
        lines=(),
        totals=Totals(net=NET, tax=TAX, gross=GROSS),
        due_on=date(2026, 12, 1),
        issued_at=NOW,
    )


def a_credit(amount: Money) -> InvoiceCredited:
    return InvoiceCredited(
        **INVOICE,
        credit_note="CN-1",
        amount=amount,
        reason="scratched",
        credited_by="finance",
        credited_at=NOW,
    )


def a_payment() -> InvoicePaid:
    return InvoicePaid(**INVOICE, gross=GROSS, paid_at=NOW)


def a_settlement() -> JourneySettled:
    zero = Money(0, "CNY")
    return JourneySettled(
        contract_id=CONTRACT,
        contract_number="C-1",
        deal_id=DEAL,
        lead_id=None,
        account=ACCOUNT,
        contracted=GROSS,
        invoiced=GROSS,
        credited=zero,
        paid=GROSS,
        earned=NET,
        settled_at=NOW,
    )
