"""Deals and facts as the tests of deal-svc need them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from contracts.event import Event
from contracts.ids import AccountId, ContactId, DealId, LeadId, derived_id
from contracts.lead import LeadQualified
from contracts.money import Money
from contracts.parties import Account, Contact, Owner
from contracts.samples import sample
from contracts.terms import Consent, Origin, Prepayment, WantedLine, WebOrder
from deal_svc.domain.deal import Deal

E = TypeVar("E", bound=Event)

NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)
LEAD = LeadId(UUID(int=1))
DEAL = DealId(derived_id(LEAD, "deal"))
GATEWAYS = (WantedLine(sku="HW-GATEWAY", quantity=2),)


def a_lead_qualified(*, web_order: WebOrder | None = None) -> LeadQualified:
    return LeadQualified(
        lead_id=LEAD,
        number="L-2026-000001",
        account=Account(account_id=AccountId(UUID(int=2)), name="Acme"),
        contact=Contact(contact_id=ContactId(UUID(int=3)), name="Ada"),
        origin=Origin(channel="website"),
        owner=None,
        score=90,
        reasons=(),
        need="help",
        web_order=web_order,
        qualified_by="policy:qualification@0",
        qualified_at=NOW,
    )


def a_web_order() -> WebOrder:
    return WebOrder(
        lines=(WantedLine(sku="SVC-ONBOARD", quantity=1),),
        currency="CNY",
        consent=Consent(given_by="Ada", given_at=NOW, text_hash="ab", covers=("price",)),
        prepayment=Prepayment(
            provider="alipay", reference="P-1", amount=Money(106000, "CNY"), captured_at=NOW
        ),
    )


def a_deal(**changes: Any) -> Deal:
    values: dict[str, Any] = {
        "id": DEAL,
        "journey_id": UUID(int=7),
        "number": "D-2026-000001",
        "account": Account(account_id=AccountId(UUID(int=2)), name="Acme"),
        "origin": Origin(channel="manual"),
        "owner": Owner(sub="u-1", name="Rep"),
        "title": "gateways",
        "lines": GATEWAYS,
        "opened_at": NOW,
    }
    return Deal(**{**values, **changes})


def told(fact: type[E], **changes: Any) -> E:
    """A fact of a later stage about the deal of these tests."""
    return sample(fact).model_copy(update={"deal_id": DEAL, **changes})
