"""A deal: an opportunity on its way from need to signature."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime

from chassis.domain import Aggregate, DomainError, Lifecycle, Refused
from contracts.deal import (
    DealLost,
    DealOpened,
    DealReopened,
    DealStageChanged,
    DealWon,
    ProposalRequested,
)
from contracts.ids import DealId, LeadId
from contracts.money import Money
from contracts.parties import Account, Contact, Owner
from contracts.terms import ImportedOutcome, Origin, PaymentTerms, WantedLine, WebOrder
from deal_svc.domain.later import LIVE_OFFER, Billed, Offer, Outcome


class Status(StrEnum):
    OPEN = "open"
    ON_HOLD = "on_hold"
    WON = "won"
    LOST = "lost"


class Stage(StrEnum):
    QUALIFICATION = "qualification"
    NEEDS = "needs"
    PROPOSAL = "proposal"
    NEGOTIATION = "negotiation"
    CONTRACTING = "contracting"


LIFECYCLE = Lifecycle(
    {
        Status.OPEN: {Status.ON_HOLD, Status.WON, Status.LOST},
        Status.ON_HOLD: {Status.OPEN, Status.WON, Status.LOST},
        Status.LOST: {Status.OPEN},
    }
)
ORDER = list(Stage)
NEEDS = "needs"
PROPOSAL = "proposal"
RESUMPTION = "resumption"


class NotOpen(DomainError):
    """Only an open deal can be worked on."""


class ChecklistIncomplete(DomainError):
    """A stage is left forward only when what it is for has been done."""


class ClosePast(Refused):
    """A deal is expected to close on a day to come."""


class Deal(Aggregate, frozen=True):
    """What they need, what it may be worth, and which stage it is in."""

    status: Status = Status.OPEN
    stage: Stage = Stage.QUALIFICATION
    lead_id: LeadId | None = None
    account: Account | None = None
    contact: Contact | None = None
    origin: Origin
    owner: Owner | None = None
    title: str
    amount: Money | None = None
    currency: str = "CNY"
    lines: tuple[WantedLine, ...] = ()
    payment_terms: PaymentTerms = PaymentTerms(kind="on_delivery")
    expected_close: date | None = None
    requests: int = 0
    web_order: WebOrder | None = None
    imported: ImportedOutcome | None = None
    moved: bool = False
    """Moved from another system, whether or not it ended there."""
    reason: str | None = None
    competitor: str | None = None
    offer: Offer | None = None
    outcome: Outcome | None = None
    invoices: tuple[Billed, ...] = ()
    overdue_invoice: str | None = None
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None = None

    def opened(self) -> DealOpened:
        """What is said of a deal that was just opened."""
        return DealOpened(
            deal_id=DealId(self.id),
            number=self.number,
            lead_id=self.lead_id,
            account=self.account,
            contact=self.contact,
            origin=self.origin,
            owner=self.owner,
            title=self.title,
            stage=self.stage.value,
            amount=self.amount,
            imported=self.moved,
            opened_at=self.opened_at,
        )

    @property
    def responsible(self) -> str:
        return f"person:{self.owner.sub}" if self.owner else "role:sales_rep"

    def is_before(self, stage: Stage) -> bool:
        return ORDER.index(self.stage) < ORDER.index(stage)

    def await_needs(self, *, at: datetime, within: timedelta) -> Deal:
        """Somebody must find out what they need."""
        return self.wait_at(NEEDS, owner=self.responsible, at=at, due_at=at + within)

    def await_proposal(self, *, at: datetime, within: timedelta) -> Deal:
        """Somebody must ask for the proposal."""
        return self.wait_at(PROPOSAL, owner=self.responsible, at=at, due_at=at + within)

    def record_needs(
        self,
        lines: tuple[WantedLine, ...],
        terms: PaymentTerms,
        currency: str,
        *,
        by: str,
        at: datetime,
        within: timedelta,
    ) -> tuple[Deal, DealStageChanged | None]:
        """What they want, in products; the proposal is next."""
        self._must_be_open()
        deal = self.model_copy(
            update={"lines": lines, "payment_terms": terms, "currency": currency}
        )
        deal = deal.pass_gate(NEEDS, by=by, at=at, evidence=f"{len(lines)} lines")
        deal = deal.await_proposal(at=at, within=within)
        if not self.is_before(Stage.NEEDS):
            return deal, None
        return deal.move_to(Stage.NEEDS, by=by, at=at)

    def move_to(self, stage: Stage, *, by: str, at: datetime) -> tuple[Deal, DealStageChanged]:
        """Forward when the checklist of what is passed is done; backward at any time."""
        self._must_be_open()
        if (
            self.is_before(stage)
            and stage in ORDER[ORDER.index(Stage.PROPOSAL) :]
            and not self.lines
        ):
            raise ChecklistIncomplete(f"{stage.value} needs the product lines first")
        return self._moved(stage, by=by, at=at)

    def _moved(self, stage: Stage, *, by: str, at: datetime) -> tuple[Deal, DealStageChanged]:
        fact = DealStageChanged(
            deal_id=DealId(self.id),
            number=self.number,
            from_stage=self.stage.value,
            to_stage=stage.value,
            amount=self.amount,
            expected_close=self.expected_close,
            changed_by=by,
            changed_at=at,
        )
        return self.model_copy(update={"stage": stage}), fact

    def request_proposal(
        self, *, by: str, at: datetime, validity_days: int, send: bool = True
    ) -> tuple[Deal, ProposalRequested]:
        """The needs are clear enough to be priced: each request is the next version."""
        self._must_be_open()
        if not self.lines:
            raise ChecklistIncomplete("a proposal needs the product lines first")
        if self.account is None:
            raise ChecklistIncomplete("a proposal needs the customer's company first")
        number = self.requests + 1
        fact = ProposalRequested(
            deal_id=DealId(self.id),
            number=self.number,
            lead_id=self.lead_id,
            account=self.account,
            contact=self.contact,
            owner=self.owner,
            request_no=number,
            lines=self.lines,
            currency=self.currency,
            payment_terms=self.payment_terms,
            validity_days=validity_days,
            send_when_approved=send,
            web_order=self.web_order,
            imported=self.imported,
            requested_by=by,
            requested_at=at,
        )
        deal = self.pass_gate(NEEDS, by=by, at=at).pass_gate(PROPOSAL, by=by, at=at)
        stage = Stage.PROPOSAL if self.is_before(Stage.PROPOSAL) else self.stage
        return deal.model_copy(update={"requests": number, "stage": stage}), fact

    def follow(self, stage: Stage, *, at: datetime) -> tuple[Deal, DealStageChanged | None]:
        """A later stage moved; the pipeline shows it. Silent when the deal is there or closed."""
        if self.status is not Status.OPEN or self.stage is stage:
            return self, None
        return self._moved(stage, by="system:deal-svc", at=at)

    def win(self, outcome: Outcome, *, at: datetime) -> tuple[Deal, DealWon]:
        """The contract is signed."""
        status = LIFECYCLE.move(self.status, Status.WON)
        if self.account is None:
            raise Refused("a deal without a customer cannot have a signed contract")
        fact = DealWon(
            deal_id=DealId(self.id),
            number=self.number,
            lead_id=self.lead_id,
            account=self.account,
            owner=self.owner,
            origin=self.origin,
            contract_id=outcome.contract_id,
            contract_number=outcome.contract_number,
            net=outcome.net,
            gross=outcome.gross,
            imported=self.moved,
            won_at=at,
        )
        deal = self.pass_every_gate(by="system:deal-svc", at=at, evidence=outcome.contract_number)
        won = {
            "status": status,
            "stage": Stage.CONTRACTING,
            "outcome": outcome,
            "amount": outcome.net,
            "closed_at": at,
        }
        return deal.model_copy(update=won), fact

    def lose(
        self, *, reason: str, competitor: str | None, by: str, at: datetime
    ) -> tuple[Deal, DealLost]:
        """They will not buy; what is open in later stages is withdrawn by those who hear it."""
        status = LIFECYCLE.move(self.status, Status.LOST)
        fact = DealLost(
            deal_id=DealId(self.id),
            number=self.number,
            reason=reason,
            competitor=competitor,
            imported=self.moved,
            lost_by=by,
            lost_at=at,
        )
        deal = self.pass_every_gate(by=by, at=at, evidence=reason)
        lost = {"status": status, "reason": reason, "competitor": competitor, "closed_at": at}
        return deal.model_copy(update=lost), fact

    def reopen(
        self, *, reason: str, by: str, at: datetime, within: timedelta
    ) -> tuple[Deal, DealReopened]:
        """A lost deal lives again."""
        if self.status is not Status.LOST:
            raise NotOpen(f"only a lost deal can be reopened; this one is {self.status.value}")
        fact = DealReopened(
            deal_id=DealId(self.id),
            number=self.number,
            reason=reason,
            reopened_by=by,
            reopened_at=at,
        )
        back = {"status": Status.OPEN, "reason": None, "closed_at": None}
        return self.model_copy(update=back).await_proposal(at=at, within=within), fact

    def hold(self, *, reason: str, until: datetime, by: str, at: datetime) -> Deal:
        """Not now: nobody is chased until then."""
        status = LIFECYCLE.move(self.status, Status.ON_HOLD)
        if until <= at:
            raise Refused(f"{until} is past; say until when it is to wait")
        deal = self.pass_every_gate(by=by, at=at, evidence=reason)
        deal = deal.wait_at(RESUMPTION, owner=self.responsible, at=at, due_at=until)
        return deal.model_copy(update={"status": status, "reason": reason})

    def resume(self, *, by: str, at: datetime, within: timedelta) -> Deal:
        """Work goes on where it stopped; what nobody else has in hand is the owner's to do."""
        if self.status is not Status.ON_HOLD:
            raise NotOpen(f"only a deal on hold is resumed; this one is {self.status.value}")
        deal = self.pass_gate(RESUMPTION, by=by, at=at).model_copy(
            update={"status": Status.OPEN, "reason": None}
        )
        if not deal.lines:
            return deal.await_needs(at=at, within=within)
        if deal.offer is not None and deal.offer.status in LIVE_OFFER:
            return deal
        return deal.await_proposal(at=at, within=within)

    def expect_close(self, day: date, *, today: date) -> Deal:
        if day < today:
            raise ClosePast(f"{day} is past")
        return self.model_copy(update={"expected_close": day})

    def hear_of_offer(self, offer: Offer) -> Deal:
        """Keep the newest version's state; an older version tells nothing new."""
        if self.offer is not None and self.offer.version > offer.version:
            return self
        return self.model_copy(update={"offer": offer})

    def hear_of_invoice(self, told: Billed) -> Deal:
        """Keep what became of one invoice; what was heard of it before stays."""
        before = next((i for i in self.invoices if i.invoice_id == told.invoice_id), None)
        if before is not None:
            kept = {
                "gross": before.gross,
                "due_on": told.due_on or before.due_on,
                "credited": {**before.credited, **told.credited},
            }
            told = told.model_copy(update=kept)
        others = tuple(i for i in self.invoices if i.invoice_id != told.invoice_id)
        invoices = tuple(sorted((*others, told), key=lambda invoice: invoice.number))
        late = next((i.number for i in invoices if i.status == "overdue"), None)
        return self.model_copy(update={"invoices": invoices, "overdue_invoice": late})

    def settle(self, *, earned: Money, at: datetime) -> Deal:
        """What was really earned."""
        if self.outcome is None:
            return self
        outcome = self.outcome.model_copy(update={"earned": earned, "settled_at": at})
        return self.model_copy(update={"outcome": outcome})

    def _must_be_open(self) -> None:
        if self.status is not Status.OPEN:
            raise NotOpen(f"the deal is {self.status.value}")
