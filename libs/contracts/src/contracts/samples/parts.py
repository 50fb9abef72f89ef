"""The people, things and moments that the sample journey is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from contracts.ids import (
    AccountId,
    ContactId,
    ContractId,
    DealId,
    InvoiceId,
    JourneyId,
    LeadId,
    OrderId,
    PaymentId,
    QuoteId,
    derived_id,
)
from contracts.money import Money
from contracts.parties import Account, Contact, Owner
from contracts.terms import (
    Consent,
    Evidence,
    ImportedOutcome,
    Instalment,
    Origin,
    PaymentTerms,
    Prepayment,
    PricedLine,
    ScheduleItem,
    Totals,
    WantedLine,
    WebOrder,
)

JOURNEY: Final = JourneyId(UUID("0199a000-0000-7000-8000-000000000001"))
LEAD: Final = LeadId(UUID("0199a000-0000-7000-8000-000000000002"))
DEAL: Final = DealId(derived_id(LEAD, "deal"))
QUOTE: Final = QuoteId(derived_id(DEAL, "quote"))
CONTRACT: Final = ContractId(derived_id(QUOTE, "contract"))
ORDER: Final = OrderId(derived_id(CONTRACT, "order"))
INVOICE: Final = InvoiceId(derived_id(CONTRACT, "invoice:1"))
PAYMENT: Final = PaymentId(derived_id(CONTRACT, "payment"))

TEXT_HASH: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
VERSION_HASH: Final = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"


def cny(amount: str) -> Money:
    return Money.parse(amount, "CNY")


def at(hours: int) -> datetime:
    """So many hours into the journey."""
    return datetime(2026, 3, 2, 1, 30, 0, 250_000, tzinfo=UTC) + timedelta(hours=hours)


ACCOUNT: Final = Account(
    account_id=AccountId(UUID("0199a000-0000-7000-8000-000000000003")),
    name="江南精密机械有限公司",
    domain="jiangnan-precision.example",
)
CONTACT: Final = Contact(
    contact_id=ContactId(UUID("0199a000-0000-7000-8000-000000000004")),
    name="陈立",
    email="chen.li@jiangnan-precision.example",
    phone="+8651255550123",
)
OWNER: Final = Owner(sub="sales-07", name="Wang Min", team="east-china")
ORIGIN: Final = Origin(
    channel="exhibition",
    campaign="spring-2026",
    medium="stand",
    source_system="jiandaoyun",
    external_id="JDY-20260302-0001",
)
CONSENT: Final = Consent(
    given_by=CONTACT.name,
    given_at=at(0),
    ip="203.0.113.7",
    text_hash=TEXT_HASH,
    covers=("price", "terms", "signature"),
    captured_by="web-shop",
)
PREPAYMENT: Final = Prepayment(
    provider="samplepay",
    reference="WEB-2026-000042",
    amount=cny("13447.00"),
    captured_at=at(0),
)
IMPORTED: Final = ImportedOutcome(
    source_system="jiandaoyun",
    external_id="JDY-20260302-0001",
    agreed=cny("11900.00"),
    closed_at=at(8),
)
CLICK: Final = Evidence(
    by=CONTACT.name,
    at=at(6),
    method="signed_link",
    reference="offer Q-2026-000042",
    text_hash=TEXT_HASH,
    ip="203.0.113.7",
    user_agent="Mozilla/5.0",
    captured_by="web-shop",
)
TERMS: Final = PaymentTerms(
    kind="instalments",
    instalments=(
        Instalment(percent=Decimal(30), due="on_signature", days=7),
        Instalment(percent=Decimal(70), due="on_delivery", days=30),
    ),
    net_days=30,
)
LINES: Final = (
    PricedLine(
        line_no=1,
        sku="GATEWAY-EDGE",
        name="Edge gateway",
        kind="goods",
        quantity=5,
        list_price=cny("2000.00"),
        discount_percent=Decimal(10),
        net=cny("9000.00"),
        tax_percent=Decimal(13),
        tax=cny("1170.00"),
    ),
    PricedLine(
        line_no=2,
        sku="ONSITE-DAY",
        name="On-site installation, one day",
        kind="service",
        quantity=1,
        list_price=cny("2900.00"),
        discount_percent=Decimal(0),
        net=cny("2900.00"),
        tax_percent=Decimal(13),
        tax=cny("377.00"),
    ),
)
WANTED: Final = tuple(
    WantedLine(sku=line.sku, quantity=line.quantity, discount_percent=line.discount_percent)
    for line in LINES
)
WEB_ORDER: Final = WebOrder(
    lines=WANTED, currency="CNY", terms="standard", consent=CONSENT, prepayment=PREPAYMENT
)
TOTALS: Final = Totals(net=cny("11900.00"), tax=cny("1547.00"), gross=cny("13447.00"))
SCHEDULE: Final = (
    ScheduleItem(n=1, due="on_signature", days=7, amount=cny("4034.10")),
    ScheduleItem(n=2, due="on_delivery", days=30, amount=cny("9412.90")),
)
