"""A lead: somebody who showed interest, from first contact to deal."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime

from chassis.domain import Aggregate, DomainError, Lifecycle, Refused
from contracts.ids import DealId, LeadId
from contracts.lead import (
    LeadAssigned,
    LeadCaptured,
    LeadConverted,
    LeadDisqualified,
    LeadMerged,
    LeadQualified,
    LeadReopened,
)
from contracts.money import Money
from contracts.parties import Account, Contact, Owner
from contracts.terms import Origin, WebOrder
from lead_svc.domain.activity import Activity
from lead_svc.domain.scoring import Score


class Status(StrEnum):
    NEW = "new"
    ASSIGNED = "assigned"
    CONTACTED = "contacted"
    QUALIFIED = "qualified"
    CONVERTED = "converted"
    DISQUALIFIED = "disqualified"
    MERGED = "merged"


LIFECYCLE = Lifecycle(
    {
        Status.NEW: {Status.ASSIGNED, Status.QUALIFIED, Status.DISQUALIFIED, Status.MERGED},
        Status.ASSIGNED: {
            Status.CONTACTED,
            Status.QUALIFIED,
            Status.DISQUALIFIED,
            Status.MERGED,
        },
        Status.CONTACTED: {Status.QUALIFIED, Status.DISQUALIFIED, Status.MERGED},
        Status.QUALIFIED: {Status.CONVERTED},
        Status.DISQUALIFIED: {Status.NEW},
    }
)

QUALIFICATION = "qualification"
FIRST_CONTACT = "first_contact"


class NoContact(Refused):
    """A note is no contact: somebody must have called, written or met."""


class Elsewhere(DomainError):
    """It was folded into another lead, where work goes on."""


class NotYetAble(Refused):
    """Qualifying needs both: what they want, and that they can buy."""


class Lead(Aggregate, frozen=True):
    """Who they are, where they came from, what they want, and how far we have come with them."""

    status: Status = Status.NEW
    account: Account | None
    contact: Contact
    origin: Origin
    need: str | None = None
    budget: Money | None = None
    owner: Owner | None = None
    web_order: WebOrder | None = None
    score: Score
    captured_at: AwareDatetime
    deal_id: DealId | None = None
    deal_number: str | None = None
    merged_into: LeadId | None = None
    reason: str | None = None
    earned: Money | None = None
    settled_at: AwareDatetime | None = None

    def captured(self) -> LeadCaptured:
        """What is said of a lead that was just stored."""
        return LeadCaptured(
            lead_id=LeadId(self.id),
            number=self.number,
            account=self.account,
            contact=self.contact,
            origin=self.origin,
            need=self.need,
            captured_at=self.captured_at,
        )

    def await_qualification(self, *, at: datetime, within: timedelta) -> Lead:
        """A person must judge it."""
        owner = f"person:{self.owner.sub}" if self.owner else "role:sales_rep"
        return self.wait_at(QUALIFICATION, owner=owner, at=at, due_at=at + within)

    def assign(
        self, owner: Owner, *, by: str, at: datetime, contact_within: timedelta
    ) -> tuple[Lead, LeadAssigned]:
        if self.status is not Status.ASSIGNED:
            LIFECYCLE.move(self.status, Status.ASSIGNED)
        lead = self.model_copy(update={"status": Status.ASSIGNED, "owner": owner})
        lead = lead.wait_at(
            FIRST_CONTACT, owner=f"person:{owner.sub}", at=at, due_at=at + contact_within
        )
        fact = LeadAssigned(
            lead_id=LeadId(self.id), number=self.number, owner=owner, assigned_by=by, assigned_at=at
        )
        return lead, fact

    def must_be_itself(self) -> None:
        if self.status is Status.MERGED:
            raise Elsewhere(f"{self.number} was merged into {self.merged_into}")

    def contact_made(self, activity: Activity) -> Lead:
        """Somebody spoke with them; the logged activity is the evidence."""
        LIFECYCLE.move(self.status, Status.CONTACTED)
        if not activity.is_contact:
            raise NoContact("log a call, an e-mail or a meeting")
        lead = self.pass_gate(
            FIRST_CONTACT, by=activity.by_sub, at=activity.recorded_at, evidence=activity.note
        )
        return lead.model_copy(update={"status": Status.CONTACTED})

    def qualify(
        self, *, by: str, at: datetime, need: str | None = None, budget: Money | None = None
    ) -> tuple[Lead, LeadQualified]:
        """Intent and ability are shown. A web order shows both; a person states them."""
        LIFECYCLE.move(self.status, Status.QUALIFIED)
        need = need or self.need
        budget = self.budget if budget is None else budget
        if self.web_order is None and need is None:
            raise NotYetAble("say what they need before qualifying")
        lead = self.pass_every_gate(by=by, at=at, evidence=need or "web order").model_copy(
            update={"status": Status.QUALIFIED, "need": need, "budget": budget}
        )
        fact = LeadQualified(
            lead_id=LeadId(self.id),
            number=self.number,
            account=self.account,
            contact=self.contact,
            origin=self.origin,
            owner=self.owner,
            score=self.score.points,
            reasons=self.score.reasons,
            need=need,
            web_order=self.web_order,
            qualified_by=by,
            qualified_at=at,
        )
        return lead, fact

    def disqualify(self, *, reason: str, by: str, at: datetime) -> tuple[Lead, LeadDisqualified]:
        LIFECYCLE.move(self.status, Status.DISQUALIFIED)
        lead = self.pass_every_gate(by=by, at=at, evidence=reason).model_copy(
            update={"status": Status.DISQUALIFIED, "reason": reason}
        )
        fact = LeadDisqualified(
            lead_id=LeadId(self.id),
            number=self.number,
            reason=reason,
            disqualified_by=by,
            disqualified_at=at,
        )
        return lead, fact

    def reopen(
        self, *, reason: str, by: str, at: datetime, within: timedelta
    ) -> tuple[Lead, LeadReopened]:
        LIFECYCLE.move(self.status, Status.NEW)
        lead = self.model_copy(update={"status": Status.NEW, "reason": None})
        fact = LeadReopened(
            lead_id=LeadId(self.id),
            number=self.number,
            reason=reason,
            reopened_by=by,
            reopened_at=at,
        )
        return lead.await_qualification(at=at, within=within), fact

    def merge_into(self, other: Lead, *, by: str, at: datetime) -> tuple[Lead, LeadMerged]:
        """This one is a duplicate of the other."""
        if other.id == self.id:
            raise Refused("a lead cannot be merged into itself")
        LIFECYCLE.move(self.status, Status.MERGED)
        lead = self.pass_every_gate(by=by, at=at, evidence=other.number).model_copy(
            update={"status": Status.MERGED, "merged_into": other.id}
        )
        fact = LeadMerged(
            lead_id=LeadId(self.id),
            number=self.number,
            into_lead_id=LeadId(other.id),
            into_number=other.number,
            merged_by=by,
            merged_at=at,
        )
        return lead, fact

    def convert(
        self, *, deal_id: DealId, deal_number: str, at: datetime
    ) -> tuple[Lead, LeadConverted]:
        """The deal is open."""
        LIFECYCLE.move(self.status, Status.CONVERTED)
        lead = self.model_copy(
            update={"status": Status.CONVERTED, "deal_id": deal_id, "deal_number": deal_number}
        )
        fact = LeadConverted(
            lead_id=LeadId(self.id),
            number=self.number,
            deal_id=deal_id,
            deal_number=deal_number,
            converted_at=at,
        )
        return lead, fact

    def settle(self, *, earned: Money, at: datetime) -> Lead:
        """What came of it, in the end."""
        return self.model_copy(update={"earned": earned, "settled_at": at})
