"""The sample journey from first contact to the won deal."""

from __future__ import annotations

from datetime import date
from typing import Final
from uuid import UUID

from contracts.deal import (
    DealLost,
    DealOpened,
    DealReopened,
    DealStageChanged,
    DealWon,
    ProposalRequested,
)
from contracts.event import Event
from contracts.ids import LeadId
from contracts.lead import (
    LeadAssigned,
    LeadCaptured,
    LeadConverted,
    LeadDisqualified,
    LeadMerged,
    LeadQualified,
    LeadReopened,
)
from contracts.samples.parts import (
    ACCOUNT,
    CONTACT,
    CONTRACT,
    DEAL,
    IMPORTED,
    LEAD,
    ORIGIN,
    OWNER,
    TERMS,
    TOTALS,
    WANTED,
    WEB_ORDER,
    at,
)

LEAD_NUMBER: Final = "L-2026-000042"
DEAL_NUMBER: Final = "D-2026-000042"
NEED: Final = "Connect five production lines before the summer"

SELLING: Final[tuple[Event, ...]] = (
    LeadCaptured(
        lead_id=LEAD,
        number=LEAD_NUMBER,
        account=ACCOUNT,
        contact=CONTACT,
        origin=ORIGIN,
        need=NEED,
        captured_at=at(0),
    ),
    LeadAssigned(
        lead_id=LEAD, number=LEAD_NUMBER, owner=OWNER, assigned_by="manager-01", assigned_at=at(1)
    ),
    LeadQualified(
        lead_id=LEAD,
        number=LEAD_NUMBER,
        account=ACCOUNT,
        contact=CONTACT,
        origin=ORIGIN,
        owner=OWNER,
        score=82,
        reasons=("budget stated: +25", "business e-mail: +10"),
        need=NEED,
        web_order=WEB_ORDER,
        qualified_by="policy:qualification@3",
        qualified_at=at(2),
    ),
    LeadDisqualified(
        lead_id=LEAD,
        number=LEAD_NUMBER,
        reason="no budget before next year",
        disqualified_by="sales-07",
        disqualified_at=at(2),
    ),
    LeadReopened(
        lead_id=LEAD,
        number=LEAD_NUMBER,
        reason="budget granted",
        reopened_by="manager-01",
        reopened_at=at(3),
    ),
    LeadMerged(
        lead_id=LEAD,
        number=LEAD_NUMBER,
        into_lead_id=LeadId(UUID("0199a000-0000-7000-8000-000000000012")),
        into_number="L-2026-000007",
        merged_by="sales-07",
        merged_at=at(3),
    ),
    LeadConverted(
        lead_id=LEAD,
        number=LEAD_NUMBER,
        deal_id=DEAL,
        deal_number=DEAL_NUMBER,
        converted_at=at(3),
    ),
    DealOpened(
        deal_id=DEAL,
        number=DEAL_NUMBER,
        lead_id=LEAD,
        account=ACCOUNT,
        contact=CONTACT,
        origin=ORIGIN,
        owner=OWNER,
        title="江南精密机械: edge gateways",
        stage="needs",
        amount=TOTALS.net,
        imported=True,
        opened_at=at(3),
    ),
    DealStageChanged(
        deal_id=DEAL,
        number=DEAL_NUMBER,
        from_stage="needs",
        to_stage="proposal",
        amount=TOTALS.net,
        expected_close=date(2026, 5, 29),
        changed_by="sales-07",
        changed_at=at(4),
    ),
    ProposalRequested(
        deal_id=DEAL,
        number=DEAL_NUMBER,
        lead_id=LEAD,
        account=ACCOUNT,
        contact=CONTACT,
        owner=OWNER,
        request_no=1,
        lines=WANTED,
        currency="CNY",
        price_book="standard",
        payment_terms=TERMS,
        validity_days=30,
        send_when_approved=True,
        web_order=WEB_ORDER,
        imported=IMPORTED,
        requested_by="sales-07",
        requested_at=at(4),
    ),
    DealWon(
        deal_id=DEAL,
        number=DEAL_NUMBER,
        lead_id=LEAD,
        account=ACCOUNT,
        owner=OWNER,
        origin=ORIGIN,
        contract_id=CONTRACT,
        contract_number="C-2026-000042",
        net=TOTALS.net,
        gross=TOTALS.gross,
        imported=True,
        won_at=at(8),
    ),
    DealLost(
        deal_id=DEAL,
        number=DEAL_NUMBER,
        reason="price",
        competitor="Example Networks",
        imported=True,
        lost_by="sales-07",
        lost_at=at(7),
    ),
    DealReopened(
        deal_id=DEAL,
        number=DEAL_NUMBER,
        reason="the competitor cannot deliver",
        reopened_by="manager-01",
        reopened_at=at(8),
    ),
)
