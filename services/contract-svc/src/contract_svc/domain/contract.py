"""A contract: copied from the accepted offer, signed by both, executed to the end."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, BaseModel

from chassis.domain import BY_CUSTOMER, Aggregate, DomainError, Lifecycle
from contracts.contract import (
    ContractDeclined,
    ContractDrafted,
    ContractPartySigned,
    ContractSentForSignature,
    ContractSigned,
    ContractTerminated,
    ContractWithdrawn,
)
from contracts.ids import ContractId, DealId, LeadId, QuoteId
from contracts.money import Money
from contracts.parties import Account, Contact, Owner
from contracts.terms import (
    Evidence,
    ImportedOutcome,
    PaymentTerms,
    Prepayment,
    PricedLine,
    ScheduleItem,
    Totals,
)


class Status(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    AWAITING_SIGNATURE = "awaiting_signature"
    SIGNED = "signed"
    COMPLETED = "completed"
    TERMINATED = "terminated"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


_OUT = {Status.DECLINED, Status.WITHDRAWN}
LIFECYCLE = Lifecycle(
    {
        Status.DRAFT: {Status.APPROVED} | _OUT,
        Status.APPROVED: {Status.AWAITING_SIGNATURE} | _OUT,
        Status.AWAITING_SIGNATURE: {Status.SIGNED} | _OUT,
        Status.SIGNED: {Status.COMPLETED, Status.TERMINATED},
    }
)

CUSTOMER = "customer"
COMPANY = "company"
LEGAL_REVIEW = "legal_review"
EXECUTION = "execution"
TERMINATION = "termination"


class TextDiffers(DomainError):
    """What was to be signed is not the text of this contract."""


class AlreadySigned(DomainError):
    """This party has signed."""


class Signature(BaseModel, frozen=True):
    """One party's signature, and what proves it."""

    party: str
    evidence: Evidence


class NothingLeft(DomainError):
    """Everything was delivered: there is nothing that could end early."""


class NotAsked(DomainError):
    """Nobody has asked to end this contract."""


class InvoiceState(BaseModel, frozen=True):
    """An invoice under this contract, as billing told."""

    number: str
    gross: Money
    credited: Money
    paid: bool = False


class Execution(BaseModel, frozen=True):
    """How far what was promised has come, as the later stages told."""

    order_number: str | None = None
    fulfilled: bool = False
    all_cancelled: bool = False
    settled: bool = False
    invoices: tuple[InvoiceState, ...] = ()

    def with_invoice(self, state: InvoiceState) -> Execution:
        others = {known.number: known for known in self.invoices}
        others[state.number] = state
        return self.model_copy(update={"invoices": tuple(others.values())})

    def invoice(self, number: str) -> InvoiceState | None:
        return next((known for known in self.invoices if known.number == number), None)


class Contract(Aggregate, frozen=True):
    """What was agreed. From the signature on its text and sums never change."""

    status: Status = Status.DRAFT
    quote_id: QuoteId
    quote_number: str
    quote_version: int
    version_hash: str
    deal_id: DealId
    deal_number: str
    lead_id: LeadId | None
    account: Account
    contact: Contact | None
    owner: Owner | None
    legal_entity: str
    lines: tuple[PricedLine, ...]
    totals: Totals
    payment_terms: PaymentTerms
    schedule: tuple[ScheduleItem, ...]
    clauses: tuple[str, ...]
    text_hash: str
    signatures: tuple[Signature, ...] = ()
    prepayment: Prepayment | None = None
    imported: ImportedOutcome | None = None
    execution: Execution = Execution()
    signed_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    reason: str | None = None

    def _about(self) -> dict[str, Any]:
        return {
            "contract_id": ContractId(self.id),
            "number": self.number,
            "deal_id": self.deal_id,
            "quote_id": self.quote_id,
        }

    def drafted(self, *, at: datetime) -> ContractDrafted:
        """What is said of a contract that was just drafted."""
        return ContractDrafted(
            **self._about(),
            quote_version=self.quote_version,
            version_hash=self.version_hash,
            totals=self.totals,
            clauses=self.clauses,
            text_hash=self.text_hash,
            drafted_at=at,
        )

    def approve(self, *, by: str, at: datetime) -> Contract:
        """Its wording may be signed."""
        status = LIFECYCLE.move(self.status, Status.APPROVED)
        approved = self.pass_gate(LEGAL_REVIEW, by=by, at=at, evidence=self.text_hash)
        return approved.model_copy(update={"status": status})

    def await_review(self, *, at: datetime, within: timedelta) -> Contract:
        """It deviates from the standard: a lawyer reads it."""
        return self.wait_at(LEGAL_REVIEW, owner="role:legal", at=at, due_at=at + within)

    def send(self, *, at: datetime, due_at: datetime) -> tuple[Contract, ContractSentForSignature]:
        """The text is fixed; both parties are asked to sign it."""
        status = LIFECYCLE.move(self.status, Status.AWAITING_SIGNATURE)
        fact = ContractSentForSignature(
            **self._about(),
            text_hash=self.text_hash,
            signers=(CUSTOMER, COMPANY),
            due_at=due_at,
            sent_at=at,
        )
        return self.model_copy(update={"status": status}), fact

    def await_signature(self, party: str, *, at: datetime, due_at: datetime) -> Contract:
        owner = BY_CUSTOMER if party == CUSTOMER else "role:sales_manager"
        return self.wait_at(f"signature:{party}", owner=owner, at=at, due_at=due_at)

    def has_signed(self, party: str) -> bool:
        return any(signature.party == party for signature in self.signatures)

    def sign(
        self, party: str, evidence: Evidence, *, at: datetime
    ) -> tuple[Contract, list[ContractPartySigned | ContractSigned]]:
        """One party signs exactly this text; with the last signature it is a contract."""
        if self.status is not Status.AWAITING_SIGNATURE:
            LIFECYCLE.move(self.status, Status.SIGNED)
        if self.has_signed(party):
            raise AlreadySigned(f"{party} has signed {self.number}")
        if evidence.text_hash != self.text_hash:
            raise TextDiffers("the text has changed since it was shown; read it again")
        # Not the typed name: a signer could type the name of an employee.
        by = BY_CUSTOMER if party == CUSTOMER else evidence.reference or evidence.by
        contract = self.pass_gate(f"signature:{party}", by=by, at=at, evidence=evidence.method)
        signatures = (*self.signatures, Signature(party=party, evidence=evidence))
        contract = contract.model_copy(update={"signatures": signatures})
        party_signed = ContractPartySigned(
            **self._about(), party=party, text_hash=self.text_hash, evidence=evidence, signed_at=at
        )
        if not all(contract.has_signed(p) for p in (CUSTOMER, COMPANY)):
            return contract, [party_signed]
        status = LIFECYCLE.move(self.status, Status.SIGNED)
        contract = contract.model_copy(update={"status": status, "signed_at": at})
        return contract, [party_signed, contract._signed(at)]

    def _signed(self, at: datetime) -> ContractSigned:
        return ContractSigned(
            **self._about(),
            deal_number=self.deal_number,
            lead_id=self.lead_id,
            account=self.account,
            contact=self.contact,
            owner=self.owner,
            legal_entity=self.legal_entity,
            lines=self.lines,
            totals=self.totals,
            payment_terms=self.payment_terms,
            schedule=self.schedule,
            version_hash=self.version_hash,
            text_hash=self.text_hash,
            prepayment=self.prepayment,
            imported=self.imported,
            signed_at=at,
        )

    def await_execution(self, *, at: datetime, within: timedelta) -> Contract:
        """Order and billing must do what was promised."""
        return self.wait_at(EXECUTION, owner="role:order_desk", at=at, due_at=at + within)

    def decline(
        self, *, party: str, reason: str, at: datetime
    ) -> tuple[Contract, ContractDeclined]:
        status = LIFECYCLE.move(self.status, Status.DECLINED)
        fact = ContractDeclined(**self._about(), party=party, reason=reason, declined_at=at)
        by = BY_CUSTOMER if party == CUSTOMER else party
        contract = self.pass_every_gate(by=by, at=at, evidence=reason)
        ended = {"status": status, "reason": reason, "ended_at": at}
        return contract.model_copy(update=ended), fact

    def withdraw(self, *, reason: str, by: str, at: datetime) -> tuple[Contract, ContractWithdrawn]:
        """We take it back, before it is signed."""
        status = LIFECYCLE.move(self.status, Status.WITHDRAWN)
        fact = ContractWithdrawn(**self._about(), reason=reason, withdrawn_by=by, withdrawn_at=at)
        contract = self.pass_every_gate(by=by, at=at, evidence=reason)
        ended = {"status": status, "reason": reason, "ended_at": at}
        return contract.model_copy(update=ended), fact

    def follow(self, execution: Execution, *, at: datetime) -> Contract:
        """The later stages told how far they are; done when delivered and settled."""
        contract = self.model_copy(update={"execution": execution})
        done = execution.fulfilled and execution.settled
        if not done or self.status is not Status.SIGNED:
            return contract
        status = LIFECYCLE.move(self.status, Status.COMPLETED)
        contract = contract.pass_every_gate(by="system:contract-svc", at=at, evidence="settled")
        return contract.model_copy(update={"status": status, "ended_at": at})

    def ask_termination(self, *, reason: str, at: datetime) -> Contract:
        """End it early: the order must consent by cancelling what is left."""
        LIFECYCLE.move(self.status, Status.TERMINATED)
        if self.execution.fulfilled:
            raise NothingLeft(f"everything under {self.number} is delivered")
        contract = self.model_copy(update={"reason": reason})
        return contract.wait_at(
            TERMINATION, owner="role:order_desk", at=at, due_at=at + timedelta(days=7)
        )

    def refuse_termination(self, *, reason: str, by: str, at: datetime) -> Contract:
        """The order does not consent: it goes on as agreed."""
        if not self.gate(TERMINATION):
            raise NotAsked(f"nobody has asked to end {self.number}")
        contract = self.pass_gate(TERMINATION, by=by, at=at, evidence=reason)
        return contract.model_copy(update={"reason": None})

    def terminate(self, *, by: str, at: datetime) -> tuple[Contract, ContractTerminated]:
        status = LIFECYCLE.move(self.status, Status.TERMINATED)
        reason = self.reason or "terminated"
        fact = ContractTerminated(
            **self._about(), reason=reason, terminated_by=by, terminated_at=at
        )
        contract = self.pass_every_gate(by=by, at=at, evidence=reason)
        return contract.model_copy(update={"status": status, "ended_at": at}), fact
