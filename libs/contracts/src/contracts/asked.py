"""Terms as a caller may hand them in: the same as in facts, with the bounds that a door checks.

A fact is read leniently, whoever said it; what somebody asks for is checked where it comes in, and
a field that nobody knows is refused rather than dropped.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from contracts.currencies import Currency
from contracts.instants import PastInstant
from contracts.money import PositiveMoney
from contracts.parties import PERSONAL, Contact, Owner
from contracts.references import Reference
from contracts.terms import (
    Consent,
    Instalment,
    Origin,
    PaymentTerms,
    Prepayment,
    WantedLine,
    WebOrder,
)

MOST_PIECES = 1_000_000
MOST_LINES = 200
STRICT = ConfigDict(extra="forbid", str_strip_whitespace=True)


CurrencyCode = Annotated[Currency, Field(max_length=16)]
Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2)]


class AskedOwner(Owner):
    """One of us, as a caller names them."""

    sub: str = Field(min_length=1, max_length=200)
    name: str = Field(min_length=1, max_length=200)
    team: str | None = Field(default=None, max_length=200)


class AskedContact(Contact):
    """A person at a customer, as a caller names them."""

    name: str = Field(min_length=1, max_length=200, json_schema_extra=PERSONAL)
    email: str | None = Field(default=None, max_length=320, json_schema_extra=PERSONAL)
    phone: str | None = Field(default=None, max_length=60, json_schema_extra=PERSONAL)


class AskedOrigin(Origin):
    """Where a customer came from, as a caller says."""

    channel: str = Field(min_length=1, max_length=40)
    campaign: str | None = Field(default=None, max_length=100)
    medium: str | None = Field(default=None, max_length=100)
    source_system: str | None = Field(default=None, max_length=100)
    external_id: str | None = Field(default=None, max_length=200)


class AskedLine(WantedLine):
    """A product that somebody wants."""

    model_config = STRICT

    sku: str = Field(min_length=1, max_length=100)
    quantity: int = Field(ge=1, le=MOST_PIECES)
    discount_percent: Percent = Decimal(0)


class AskedInstalment(Instalment):
    """A share of the price."""

    model_config = STRICT

    percent: Percent
    due: Literal["on_signature", "on_delivery", "days_after_signature"]
    days: int = Field(default=0, ge=0, le=3_650)


class AskedTerms(PaymentTerms):
    """How somebody wants to pay. Instalments are the whole price, or a contract with them could
    never be drafted."""

    model_config = STRICT

    kind: Literal["prepaid", "on_delivery", "instalments"]
    instalments: tuple[AskedInstalment, ...] = Field(default=(), max_length=MOST_LINES)
    net_days: int = Field(default=30, ge=0, le=3_650)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = sum(part.percent for part in self.instalments)
        if (self.kind == "instalments") != bool(self.instalments):
            raise ValueError("instalments belong to the kind instalments, and it needs them")
        if self.instalments and total != 100:
            raise ValueError(f"the instalments are {total} per cent together, not 100")
        return self


class AskedConsent(Consent):
    """The customer's agreement."""

    model_config = STRICT

    given_by: str = Field(min_length=1, max_length=200)
    given_at: PastInstant
    text_hash: str = Field(min_length=1, max_length=200)
    ip: str | None = Field(default=None, max_length=60, json_schema_extra=PERSONAL)
    covers: tuple[Literal["price", "terms", "signature"], ...] = Field(default=(), max_length=3)
    captured_by: None = None
    """The service writes it."""


class AskedPrepayment(Prepayment):
    """The payment that came with an order."""

    model_config = STRICT

    provider: str = Field(min_length=1, max_length=100)
    reference: Reference = Field(min_length=1, max_length=140)
    amount: PositiveMoney
    captured_at: PastInstant


class AskedOrder(WebOrder):
    """An order placed on the website."""

    model_config = STRICT

    lines: tuple[AskedLine, ...] = Field(min_length=1, max_length=MOST_LINES)
    currency: CurrencyCode
    terms: str = Field(default="standard", min_length=1, max_length=100)
    consent: AskedConsent | None = None
    prepayment: AskedPrepayment | None = None

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        if self.prepayment is not None and self.prepayment.amount.currency != self.currency:
            raise ValueError(f"the prepayment is not in {self.currency}")
        return self
