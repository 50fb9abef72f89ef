"""What lead-svc says."""

from __future__ import annotations

from typing import ClassVar

from pydantic import AwareDatetime

from contracts.event import Event
from contracts.ids import DealId, LeadId
from contracts.parties import Account, Contact, Owner
from contracts.terms import Origin, WebOrder


class LeadFact(Event):
    topic: ClassVar[str] = "ltc.lead.v1"
    key: ClassVar[str] = "lead_id"

    lead_id: LeadId
    number: str


class LeadCaptured(LeadFact):
    """Somebody showed interest, and we stored who, how and when."""

    name: ClassVar[str] = "ltc.lead.captured.v1"

    account: Account | None
    contact: Contact
    origin: Origin
    need: str | None = None
    captured_at: AwareDatetime


class LeadAssigned(LeadFact):
    """One of us is to follow up."""

    name: ClassVar[str] = "ltc.lead.assigned.v1"

    owner: Owner
    assigned_by: str
    assigned_at: AwareDatetime


class LeadQualified(LeadFact):
    """Intent and ability to buy are shown, so a deal is worth opening."""

    name: ClassVar[str] = "ltc.lead.qualified.v1"

    account: Account | None
    contact: Contact
    origin: Origin
    owner: Owner | None
    score: int
    """0 to 100."""
    reasons: tuple[str, ...]
    need: str | None = None
    web_order: WebOrder | None = None
    qualified_by: str
    """A person's subject, or ``policy:qualification@3``."""
    qualified_at: AwareDatetime


class LeadDisqualified(LeadFact):
    """Not worth pursuing, for this reason."""

    name: ClassVar[str] = "ltc.lead.disqualified.v1"

    reason: str
    disqualified_by: str
    disqualified_at: AwareDatetime


class LeadReopened(LeadFact):
    """Back to work after all."""

    name: ClassVar[str] = "ltc.lead.reopened.v1"

    reason: str
    reopened_by: str
    reopened_at: AwareDatetime


class LeadMerged(LeadFact):
    """A duplicate was folded into another lead; whoever points at this one points there now."""

    name: ClassVar[str] = "ltc.lead.merged.v1"

    into_lead_id: LeadId
    into_number: str
    merged_by: str
    merged_at: AwareDatetime


class LeadConverted(LeadFact):
    """The deal that the lead asked for is open."""

    name: ClassVar[str] = "ltc.lead.converted.v1"

    deal_id: DealId
    deal_number: str
    converted_at: AwareDatetime
