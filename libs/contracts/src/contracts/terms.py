"""What is wanted, offered, agreed and proven: the parts that several facts carry forward."""

from __future__ import annotations

from decimal import Decimal

from pydantic import AwareDatetime, Field

from contracts.currencies import Currency
from contracts.known import known
from contracts.money import Money
from contracts.parties import PERSONAL, Snapshot

DUE = ("on_signature", "on_delivery", "days_after_signature")


class Origin(Snapshot):
    """Where a customer came from. The pair of source system and external id names moved data."""

    channel: str
    """website, exhibition, social, ads, email, referral, phone, import, manual; others may come."""
    campaign: str | None = None
    medium: str | None = None
    source_system: str | None = None
    external_id: str | None = None


class WantedLine(Snapshot):
    """What the customer wants, before it has a price."""

    sku: str
    quantity: int = Field(ge=1)
    discount_percent: Decimal = Decimal(0)


class Consent(Snapshot):
    """The customer's own agreement, captured with a web order; a policy cites it, and nothing
    signs for the customer."""

    given_by: str = Field(json_schema_extra=PERSONAL)
    given_at: AwareDatetime
    ip: str | None = Field(default=None, json_schema_extra=PERSONAL)
    text_hash: str
    """Of the published text that the customer agreed to."""
    covers: tuple[str, ...] = ()
    """price, terms, signature."""
    captured_by: str | None = None
    """The principal that brought the consent. Nobody else can give one for a customer."""


class Prepayment(Snapshot):
    """A payment that a provider has confirmed before the contract exists."""

    provider: str
    reference: str
    amount: Money
    captured_at: AwareDatetime


class WebOrder(Snapshot):
    """An order placed on the website at list price on standard terms."""

    lines: tuple[WantedLine, ...]
    currency: Currency
    terms: str = "standard"
    consent: Consent | None = None
    prepayment: Prepayment | None = None


class ImportedOutcome(Snapshot):
    """How a deal ended in the system it was moved from: the record that later stages cite."""

    source_system: str
    external_id: str
    agreed: Money
    """The agreed price before tax."""
    closed_at: AwareDatetime


class Instalment(Snapshot):
    """A share of the price and when it is due."""

    percent: Decimal
    due: str = Field(json_schema_extra=known(*DUE))
    """on_signature, on_delivery, or days_after_signature."""
    days: int = 0


class PaymentTerms(Snapshot):
    """How the customer pays: prepaid, on_delivery or instalments."""

    kind: str = Field(json_schema_extra=known("prepaid", "on_delivery", "instalments"))
    instalments: tuple[Instalment, ...] = ()
    net_days: int = 30
    """Days from an invoice to its due date."""


class PricedLine(Snapshot):
    """One line of an offer, priced. ``net`` is after discount, for the whole quantity."""

    line_no: int
    sku: str
    name: str
    kind: str = Field(json_schema_extra=known("goods", "service", "digital"))
    """goods, service, digital."""
    quantity: int
    list_price: Money
    discount_percent: Decimal
    net: Money
    tax_percent: Decimal
    tax: Money


class Totals(Snapshot):
    """Sums over the lines of a document: ``gross = net + tax``."""

    net: Money
    tax: Money
    gross: Money


class Evidence(Snapshot):
    """What proves an act: who, when, how, and the hash of what they saw."""

    by: str = Field(json_schema_extra=PERSONAL)
    at: AwareDatetime
    method: str = Field(
        json_schema_extra=known(
            "signed_link", "signature_api", "web_order_consent", "imported_record", "policy",
            "erp", "bank", "person",
        )
    )  # fmt: skip
    """signed_link, signature_api, web_order_consent, imported_record, policy, erp, bank, person."""
    reference: str | None = None
    text_hash: str | None = None
    ip: str | None = Field(default=None, json_schema_extra=PERSONAL)
    user_agent: str | None = None
    captured_by: str | None = None
    """The principal that brought another's act, as the shop brings a customer's consent."""


class ScheduleItem(Snapshot):
    """A part of the contract's price and what makes it due. Items add up to the contract."""

    n: int
    due: str = Field(json_schema_extra=known(*DUE))
    """on_signature, on_delivery, days_after_signature."""
    days: int = 0
    amount: Money
    """Gross."""


class LineProgress(Snapshot):
    """How far a line has come. ``ordered = open + shipped + cancelled``, delivered ≤ shipped."""

    line_no: int
    sku: str
    ordered: int
    shipped: int
    delivered: int
    cancelled: int


class LineQuantity(Snapshot):
    """So many pieces of one line."""

    line_no: int
    quantity: int
