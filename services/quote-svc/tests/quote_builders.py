"""Requests, quotes and versions as the tests of quote-svc need them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from contracts.deal import DealLost, DealReopened, ProposalRequested
from contracts.ids import AccountId, DealId, derived_id
from contracts.money import Money
from contracts.parties import Account, Owner
from contracts.terms import (
    Consent,
    Evidence,
    PaymentTerms,
    Prepayment,
    PricedLine,
    WantedLine,
    WebOrder,
)
from quote_svc.domain.pricing import totals
from quote_svc.domain.quote import Quote
from quote_svc.domain.version import Status, Version

NOW = datetime.now(UTC)
DEAL = DealId(UUID(int=1))
QUOTE = derived_id(DEAL, "quote")


def a_request(*lines: WantedLine, request_no: int = 1, **changes: Any) -> ProposalRequested:
    values: dict[str, Any] = {
        "deal_id": DEAL,
        "number": "D-2026-000001",
        "lead_id": None,
        "account": Account(account_id=AccountId(UUID(int=2)), name="Acme"),
        "contact": None,
        "owner": Owner(sub="u-1", name="Rep"),
        "request_no": request_no,
        "lines": lines or (WantedLine(sku="HW-GATEWAY", quantity=2),),
        "currency": "CNY",
        "payment_terms": PaymentTerms(kind="on_delivery"),
        "requested_by": "u-1",
        "requested_at": NOW,
    }
    return ProposalRequested(**{**values, **changes})


def a_web_order(*lines: WantedLine) -> WebOrder:
    consent = Consent(
        given_by="Ada", given_at=NOW, text_hash="ab", covers=("price", "terms", "signature")
    )
    payment = Prepayment(
        provider="alipay", reference="P-1", amount=Money(106000, "CNY"), captured_at=NOW
    )
    return WebOrder(lines=lines, currency="CNY", consent=consent, prepayment=payment)


def a_line(sku: str = "A", quantity: int = 1, net: int = 100_00, line_no: int = 1) -> PricedLine:
    money = Money(net, "CNY")
    return PricedLine(
        line_no=line_no,
        sku=sku,
        name=sku,
        kind="goods",
        quantity=quantity,
        list_price=money,
        discount_percent=Decimal(0),
        net=money,
        tax_percent=Decimal(13),
        tax=money.percentage(Decimal(13)),
    )


def a_version(*lines: PricedLine, number: int = 1, **changes: Any) -> Version:
    values: dict[str, Any] = {
        "version": number,
        "lines": lines or (a_line(),),
        "totals": totals(lines or (a_line(),), "CNY"),
        "payment_terms": PaymentTerms(kind="on_delivery"),
        "validity_days": 30,
        "hash": "ab",
        "requested_by": "u-1",
        "valid_until": NOW + timedelta(days=30),
    }
    return Version(**{**values, **changes})


def a_quote(status: Status = Status.DRAFT) -> Quote:
    return Quote(
        id=QUOTE,
        journey_id=UUID(int=7),
        number="Q-2026-000001",
        deal_id=DEAL,
        deal_number="D-2026-000001",
        lead_id=None,
        account=Account(account_id=AccountId(UUID(int=2)), name="Acme"),
        contact=None,
        owner=Owner(sub="u-1", name="Rep"),
        currency="CNY",
        versions=(a_version(status=status),),
    )


def an_answer() -> Evidence:
    return Evidence(by="Ada", at=NOW, method="signed_link")


def a_lost_deal() -> DealLost:
    return DealLost(deal_id=DEAL, number="D-1", reason="budget cut", lost_by="u-1", lost_at=NOW)


def a_reopened_deal() -> DealReopened:
    return DealReopened(
        deal_id=DEAL, number="D-1", reason="new budget", reopened_by="boss", reopened_at=NOW
    )
