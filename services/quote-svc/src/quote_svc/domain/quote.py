"""A quote: one number, one deal, and the versions of what we offer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from chassis.domain import BY_CUSTOMER, Aggregate, NotFound
from contracts.deal import ProposalRequested
from contracts.ids import DealId, LeadId, QuoteId
from contracts.parties import Account, Contact, Owner
from contracts.quote import (
    QuoteAccepted,
    QuoteApprovalRequested,
    QuoteApproved,
    QuoteDeclined,
    QuoteDrafted,
    QuoteExpired,
    QuoteRejected,
    QuoteSent,
    QuoteSuperseded,
)
from contracts.terms import (
    Evidence,
    ImportedOutcome,
    Prepayment,
    PricedLine,
    Totals,
    WantedLine,
)
from quote_svc.domain.pricing import discount_over_all
from quote_svc.domain.refusals import (
    AlreadyAccepted,
    AlreadyOut,
    NotTheCurrentVersion,
    OwnApproval,
    QuoteLapsed,
)
from quote_svc.domain.version import LIFECYCLE, Status, Version, version_hash

PRICING = "pricing"
APPROVAL = "approval"
SENDING = "sending"
CUSTOMER_ANSWER = "customer_answer"
REVISION = "revision"
_EDITABLE = frozenset({Status.DRAFT, Status.PENDING_APPROVAL, Status.APPROVED})


class Quote(Aggregate, frozen=True):
    """What we offer for one deal; the last version is the current one."""

    deal_id: DealId
    deal_number: str
    lead_id: LeadId | None
    account: Account
    contact: Contact | None
    owner: Owner | None
    currency: str
    versions: tuple[Version, ...] = ()
    prepayment: Prepayment | None = None
    imported: ImportedOutcome | None = None

    @property
    def current(self) -> Version:
        if not self.versions:
            raise NotFound(f"quote {self.number} has no version")
        return self.versions[-1]

    @property
    def offered(self) -> Version:
        """The version that was sent to the customer last. Raises NotFound."""
        for version in reversed(self.versions):
            if version.valid_until is not None:
                return version
        raise NotFound(f"no version of quote {self.number} was sent")

    @property
    def status(self) -> Status:
        return self.current.status

    def must_be_current(self, version: int) -> None:
        if self.current.version != version:
            raise NotTheCurrentVersion(
                f"version {self.current.version} has taken the place of version {version}"
            )

    def version(self, number: int) -> Version:
        """Raises NotFound."""
        for version in self.versions:
            if version.version == number:
                return version
        raise NotFound(f"quote {self.number} has no version {number}")

    def _about(self, version: Version) -> dict[str, Any]:
        return {
            "quote_id": QuoteId(self.id),
            "number": self.number,
            "deal_id": self.deal_id,
            "version": version.version,
        }

    def _with(self, version: Version) -> Quote:
        return self.model_copy(update={"versions": (*self.versions[:-1], version)})

    def supersede(
        self, *, by_version: int | None, reason: str, at: datetime
    ) -> tuple[Quote, list[QuoteSuperseded]]:
        """The current version gives way. Refuses when it was accepted; silent when already out."""
        if not self.versions:
            return self, []
        current = self.current
        if current.status is Status.ACCEPTED:
            raise AlreadyAccepted(f"version {current.version} of {self.number} was accepted")
        if not LIFECYCLE.allows(current.status, Status.SUPERSEDED):
            return self, []
        fact = QuoteSuperseded(
            **self._about(current), by_version=by_version, reason=reason, superseded_at=at
        )
        quote = self._with(
            current.model_copy(update={"status": Status.SUPERSEDED, "reason": reason})
        )
        return quote.pass_every_gate(by="system:quote-svc", at=at, evidence=reason), [fact]

    def draft(
        self,
        request: ProposalRequested,
        lines: tuple[PricedLine, ...],
        totals: Totals,
        *,
        outcome: str,
        at: datetime,
    ) -> tuple[Quote, QuoteDrafted]:
        """The next version, priced."""
        number = len(self.versions) + 1
        seal = version_hash(lines, totals, request.payment_terms, self.number, number)
        version = Version(
            version=number,
            wanted=request.lines,
            lines=lines,
            totals=totals,
            payment_terms=request.payment_terms,
            price_book=request.price_book,
            validity_days=request.validity_days,
            send_when_approved=request.send_when_approved,
            hash=seal,
            requested_by=request.requested_by,
        )
        quote = self.model_copy(update={"versions": (*self.versions, version)})
        return quote, quote._drafted(outcome, at)

    def void(self, *, reason: str, by: str, at: datetime) -> tuple[Quote, QuoteSuperseded]:
        """We take it back before it was answered; nothing takes its place."""
        version = self.current
        status = LIFECYCLE.move(version.status, Status.VOIDED)
        fact = QuoteSuperseded(
            **self._about(version), by_version=None, reason=reason, superseded_at=at
        )
        quote = self._with(version.model_copy(update={"status": status, "reason": reason}))
        return quote.pass_every_gate(by=by, at=at, evidence=reason), fact

    def replace_lines(
        self,
        wanted: tuple[WantedLine, ...],
        lines: tuple[PricedLine, ...],
        totals: Totals,
        *,
        outcome: str,
        by: str,
        at: datetime,
    ) -> tuple[Quote, QuoteDrafted]:
        """Other lines for the version that has not gone out yet; any approval is void."""
        version = self.current
        if version.status not in _EDITABLE:
            raise AlreadyOut(f"version {version.version} is {version.status.value}")
        if version.status is not Status.DRAFT:
            LIFECYCLE.move(version.status, Status.DRAFT)
        terms = version.payment_terms
        changes = {
            "status": Status.DRAFT,
            "wanted": wanted,
            "lines": lines,
            "totals": totals,
            "hash": version_hash(lines, totals, terms, self.number, version.version),
            "requested_by": by,
            "approved_by": None,
            "reason": None,
        }
        quote = self._with(version.model_copy(update=changes))
        quote = quote.pass_every_gate(by=by, at=at, evidence="lines replaced")
        return quote, quote._drafted(outcome, at)

    def _drafted(self, outcome: str, at: datetime) -> QuoteDrafted:
        version = self.current
        if version.totals is None:
            raise NotFound(f"version {version.version} has no price")
        return QuoteDrafted(
            **self._about(version),
            lines=version.lines,
            totals=version.totals,
            discount_percent=discount_over_all(version.lines),
            version_hash=version.hash,
            policy_outcome=outcome,
            drafted_at=at,
        )

    def await_pricing(self, request: ProposalRequested, *, at: datetime, missing: str) -> Quote:
        """The price book lacks something; somebody must add it or change the request."""
        version = Version(
            version=len(self.versions) + 1,
            wanted=request.lines,
            payment_terms=request.payment_terms,
            price_book=request.price_book,
            validity_days=request.validity_days,
            send_when_approved=request.send_when_approved,
            requested_by=request.requested_by,
            reason=f"not in the price book: {missing}",
        )
        quote = self.model_copy(update={"versions": (*self.versions, version)})
        return quote.wait_at(
            PRICING, owner="role:sales_manager", at=at, due_at=at + timedelta(hours=24)
        )

    def ask_approval(
        self, *, limit: str, at: datetime, within: timedelta
    ) -> tuple[Quote, QuoteApprovalRequested]:
        """It goes beyond a limit: a manager decides."""
        version = self.current
        LIFECYCLE.move(version.status, Status.PENDING_APPROVAL)
        fact = QuoteApprovalRequested(
            **self._about(version),
            limit=limit,
            version_hash=version.hash,
            requested_by=version.requested_by,
            requested_at=at,
        )
        quote = self._with(version.model_copy(update={"status": Status.PENDING_APPROVAL}))
        return quote.wait_at(APPROVAL, owner="role:sales_manager", at=at, due_at=at + within), fact

    def approve(self, *, by: str, at: datetime) -> tuple[Quote, QuoteApproved]:
        """Somebody else than the author agrees to exactly this version."""
        version = self.current
        LIFECYCLE.move(version.status, Status.APPROVED)
        if by == version.requested_by:
            raise OwnApproval("somebody else than the author must approve")
        fact = QuoteApproved(
            **self._about(version), version_hash=version.hash, approved_by=by, approved_at=at
        )
        approved = version.model_copy(update={"status": Status.APPROVED, "approved_by": by})
        quote = self._with(approved).pass_gate(APPROVAL, by=by, at=at, evidence=version.hash)
        return quote, fact

    def approve_by_policy(self, cite: str) -> Quote:
        """Within the limits, so no person is asked; the draft's fact has cited the policy."""
        LIFECYCLE.move(self.current.status, Status.APPROVED)
        changes = {"status": Status.APPROVED, "approved_by": cite}
        return self._with(self.current.model_copy(update=changes))

    def reject(
        self, *, by: str, reason: str, at: datetime, within: timedelta
    ) -> tuple[Quote, QuoteRejected]:
        """Back to its author, who edits it or has the deal ask anew."""
        version = self.current
        LIFECYCLE.move(version.status, Status.DRAFT)
        fact = QuoteRejected(**self._about(version), reason=reason, rejected_by=by, rejected_at=at)
        quote = self._with(version.model_copy(update={"status": Status.DRAFT, "reason": reason}))
        quote = quote.pass_gate(APPROVAL, by=by, at=at, evidence=reason)
        return quote.wait_at(REVISION, owner=self._seller, at=at, due_at=at + within), fact

    @property
    def _seller(self) -> str:
        return f"person:{self.owner.sub}" if self.owner else "role:sales_rep"

    def await_sending(self, *, at: datetime) -> Quote:
        """Approved, and its author wanted to send it by hand."""
        return self.wait_at(SENDING, owner=self._seller, at=at, due_at=at + timedelta(hours=24))

    def send(self, *, by: str, at: datetime, now: datetime) -> tuple[Quote, QuoteSent]:
        """The customer has it, and may answer until it lapses."""
        version = self.current
        status = LIFECYCLE.move(version.status, Status.SENT)
        valid_until = at + timedelta(days=version.validity_days)
        sent = version.model_copy(update={"status": status, "valid_until": valid_until})
        if version.totals is None:
            raise NotFound("a version without a price cannot be sent")
        fact = QuoteSent(
            **self._about(version),
            totals=version.totals,
            valid_until=valid_until,
            sent_by=by,
            sent_at=at,
        )
        return self._with(sent).pass_gate(SENDING, by=by, at=now), fact

    def await_answer(self, *, at: datetime) -> Quote:
        """The customer must answer before the offer lapses."""
        until = self.current.valid_until
        if until is None:
            return self
        return self.wait_at(CUSTOMER_ANSWER, owner=BY_CUSTOMER, at=at, due_at=until)

    def accept(
        self, *, evidence: Evidence, at: datetime, consent_covers_signature: bool = False
    ) -> tuple[Quote, QuoteAccepted]:
        """The customer takes the current version, in time."""
        version = self.current
        status = LIFECYCLE.move(version.status, Status.ACCEPTED)
        if version.valid_until is None or version.totals is None or at >= version.valid_until:
            raise QuoteLapsed(f"this quote lapsed at {version.valid_until}")
        fact = QuoteAccepted(
            **self._about(version),
            deal_number=self.deal_number,
            lead_id=self.lead_id,
            account=self.account,
            contact=self.contact,
            owner=self.owner,
            lines=version.lines,
            totals=version.totals,
            payment_terms=version.payment_terms,
            valid_until=version.valid_until,
            version_hash=version.hash,
            evidence=evidence,
            consent_covers_signature=consent_covers_signature,
            prepayment=self.prepayment,
            imported=self.imported,
            accepted_at=at,
        )
        quote = self._with(version.model_copy(update={"status": status}))
        return quote.pass_every_gate(by=BY_CUSTOMER, at=at, evidence=evidence.method), fact

    def decline(
        self, *, reason: str, evidence: Evidence, at: datetime
    ) -> tuple[Quote, QuoteDeclined]:
        """The customer says no to this version."""
        version = self.current
        status = LIFECYCLE.move(version.status, Status.DECLINED)
        fact = QuoteDeclined(
            **self._about(version), reason=reason, evidence=evidence, declined_at=at
        )
        quote = self._with(version.model_copy(update={"status": status, "reason": reason}))
        return quote.pass_every_gate(by=BY_CUSTOMER, at=at, evidence=reason), fact

    def expire(self, *, at: datetime) -> tuple[Quote, QuoteExpired]:
        """Nobody answered in time."""
        version = self.current
        status = LIFECYCLE.move(version.status, Status.EXPIRED)
        if version.valid_until is None or at < version.valid_until:
            raise NotTheCurrentVersion("this quote has not lapsed yet")
        fact = QuoteExpired(**self._about(version), valid_until=version.valid_until, expired_at=at)
        quote = self._with(version.model_copy(update={"status": status}))
        return quote.pass_every_gate(by="system:quote-svc", at=at, evidence="lapsed"), fact
