"""Leads and facts as the tests of lead-svc need them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx

from contracts.billing import JourneySettled
from contracts.deal import DealOpened
from contracts.ids import AccountId, ContactId, ContractId, DealId, LeadId
from contracts.money import Money
from contracts.parties import Account, Contact, Owner
from contracts.terms import Origin
from lead_svc.domain.activity import Activity, Kind
from lead_svc.domain.lead import Lead
from lead_svc.domain.scoring import Score

NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)
LEAD = LeadId(UUID(int=1))
DEAL = DealId(UUID(int=9))
ACME = Account(account_id=AccountId(UUID(int=2)), name="Acme Ltd", domain="acme.test")
ADA = Contact(contact_id=ContactId(UUID(int=3)), name="Ada", email="ada@acme.test")
REP = Owner(sub="u-1", name="Rep")


def a_lead(**changes: Any) -> Lead:
    values: dict[str, Any] = {
        "id": LEAD,
        "journey_id": UUID(int=7),
        "number": "L-2026-000001",
        "account": ACME,
        "contact": ADA,
        "origin": Origin(channel="website"),
        "score": Score(points=40, reasons=("+40 test",)),
        "captured_at": NOW,
    }
    return Lead(**{**values, **changes})


def an_activity(kind: Kind = Kind.CALL) -> Activity:
    return Activity(
        id=UUID(int=5),
        lead_id=LEAD,
        kind=kind,
        note="spoke about gateways",
        happened_at=NOW,
        by_sub="u-1",
        by_name="Rep",
        recorded_at=NOW,
    )


def a_deal_opened(lead_id: UUID | None = LEAD, **changes: Any) -> DealOpened:
    values: dict[str, Any] = {
        "deal_id": DEAL,
        "number": "D-2026-000001",
        "lead_id": lead_id,
        "account": ACME,
        "contact": ADA,
        "origin": Origin(channel="website"),
        "owner": None,
        "title": "gateways",
        "stage": "qualification",
        "opened_at": NOW,
    }
    return DealOpened(**{**values, **changes})


def a_settlement(lead_id: UUID | None) -> JourneySettled:
    money = Money(100_00, "CNY")
    return JourneySettled(
        contract_id=ContractId(UUID(int=10)),
        contract_number="C-1",
        deal_id=DEAL,
        lead_id=LeadId(lead_id) if lead_id else None,
        account=ACME,
        contracted=money,
        invoiced=money,
        credited=Money.zero("CNY"),
        paid=money,
        earned=money,
        settled_at=NOW,
    )


def a_form(email: str = "ada@acme.test", **changes: Any) -> dict[str, Any]:
    return {
        "contact": {"name": "Ada", "email": email},
        "origin": {"channel": "exhibition"},
        **changes,
    }


async def uploaded(
    client: httpx.AsyncClient,
    body: str | bytes,
    mapping: str | bytes,
    *,
    headers: dict[str, str] | None = None,
    **fields: str,
) -> httpx.Response:
    files: dict[str, Any] = {
        "file": ("leads.csv", body if isinstance(body, bytes) else body.encode()),
        "mapping": ("map.yaml", mapping if isinstance(mapping, bytes) else mapping.encode()),
    }
    return await client.post("/leads/imports", files=files, data=fields, headers=headers)


def of_each(answer: httpx.Response) -> tuple[int, int, int, int]:
    report = answer.json()
    return report["rows"], report["accepted"], report["duplicates"], report["refused"]
