"""An order: its status is computed from its lines, held or not beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime

from chassis.domain import Aggregate, DomainError, Lifecycle
from contracts.ids import ContractId, DealId, OrderId
from contracts.order import (
    OrderCancelled,
    OrderDelivered,
    OrderFulfilled,
    OrderHeld,
    OrderPlaced,
    OrderReleased,
    OrderShipped,
)
from contracts.parties import Account, Owner
from contracts.terms import Evidence, LineQuantity
from order_svc.domain import ledger
from order_svc.domain.ledger import Line
from order_svc.domain.report import Report, is_known


class Status(StrEnum):
    ACKNOWLEDGED = "acknowledged"
    IN_PROGRESS = "in_progress"
    PARTIALLY_FULFILLED = "partially_fulfilled"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"


LIFECYCLE = Lifecycle(
    {
        Status.ACKNOWLEDGED: {
            Status.IN_PROGRESS,
            Status.PARTIALLY_FULFILLED,
            Status.FULFILLED,
            Status.CANCELLED,
        },
        Status.IN_PROGRESS: {
            Status.PARTIALLY_FULFILLED,
            Status.FULFILLED,
            Status.CANCELLED,
        },
        Status.PARTIALLY_FULFILLED: {Status.FULFILLED},
    }
)

ERP = "erp_confirmation"
DELIVERY = "delivery"
PREPAYMENT = "prepayment"
CREDIT = "credit"
CUSTOMER = "customer"


class Held(DomainError):
    """Nothing moves while the order is held."""


class AllDone(DomainError):
    """Every line is delivered or cancelled already."""


def status_of(lines: Sequence[Line]) -> Status:
    """What the lines amount to."""
    if all(line.cancelled == line.ordered for line in lines):
        return Status.CANCELLED
    if all(line.done for line in lines):
        return Status.FULFILLED
    if any(line.delivered for line in lines):
        return Status.PARTIALLY_FULFILLED
    if any(line.shipped for line in lines):
        return Status.IN_PROGRESS
    return Status.ACKNOWLEDGED


class Order(Aggregate, frozen=True):
    """What is to be delivered under one contract, and how far it is."""

    contract_id: ContractId
    contract_number: str
    deal_id: DealId
    account: Account
    owner: Owner | None = None
    """The seller's, from the deal; who has no wider role sees what is theirs."""
    lines: tuple[Line, ...]
    held: str | None = None
    prepaid: bool = False
    """Nothing leaves before it is paid."""
    prepayment_pending: bool = False
    """The customer states a prepayment, and billing-svc has not published whether it counts."""
    paid_undecided: bool | None = None
    """Whether its invoice is paid, or its money was taken back, as events say that arrived before
    the decision on the prepayment. None: no such event."""
    promised_on: date
    erp_references: tuple[str, ...] = ()
    reports: tuple[Report, ...] = ()
    """Shipments and deliveries as they were reported; one that comes again is not booked again."""
    placed_at: AwareDatetime

    @property
    def status(self) -> Status:
        return status_of(self.lines)

    def _about(self) -> dict[str, Any]:
        return {
            "order_id": OrderId(self.id),
            "number": self.number,
            "contract_id": self.contract_id,
            "deal_id": self.deal_id,
        }

    def _progress(self) -> tuple[Any, ...]:
        return tuple(line.progress() for line in self.lines)

    def placed(self) -> OrderPlaced:
        """What is said of an order that was just placed."""
        return OrderPlaced(
            **self._about(),
            account=self.account,
            progress=self._progress(),
            promised_on=self.promised_on,
            placed_at=self.placed_at,
        )

    def is_known(self, report: Report) -> bool:
        """Whether this was booked before. Raises OtherContent when the reference was used for
        something else."""
        if is_known(self.reports, report):
            return True
        # Shipments that were booked before reports were kept are known by reference alone.
        return report.kind == "shipment" and report.reference in self.erp_references

    def note(self, report: Report) -> Order:
        return self.model_copy(update={"reports": (*self.reports, report)})

    def hold(
        self, reason: str, *, owner: str, at: datetime, due_at: datetime
    ) -> tuple[Order, OrderHeld]:
        """Nothing moves until somebody has done what is missing."""
        self._must_move()
        order = self.model_copy(update={"held": reason})
        order = order.wait_at(reason, owner=owner, at=at, due_at=due_at)
        return order, OrderHeld(**self._about(), reason=reason, held_at=at)

    def release(self, *, by: str, at: datetime, evidence: str) -> tuple[Order, OrderReleased]:
        if self.held is None:
            raise Held("the order is not held")
        fact = OrderReleased(**self._about(), reason=self.held, released_by=by, released_at=at)
        order = self.pass_gate(self.held, by=by, at=at, evidence=evidence)
        return order.model_copy(update={"held": None}), fact

    def await_fulfilment(self, *, at: datetime, erp_within: timedelta) -> Order:
        """Goods wait for the ERP, the rest for the order desk until the promised day."""
        order: Order = self
        open_lines = [line for line in self.lines if not line.done]
        if any(line.kind == "goods" and line.open for line in open_lines):
            order = order.wait_at(ERP, owner="system:erp", at=at, due_at=at + erp_within)
        if open_lines:
            days = max(1, (self.promised_on - at.date()).days + 1)
            order = order.wait_at(
                DELIVERY, owner="role:order_desk", at=at, due_at=at + timedelta(days=days)
            )
        return order

    def ship(
        self,
        parts: Sequence[LineQuantity],
        *,
        erp_reference: str | None,
        at: datetime,
        now: datetime,
    ) -> tuple[Order, OrderShipped]:
        """Pieces leave the house."""
        self._must_move()
        lines = ledger.ship(self.lines, parts)
        references = (*self.erp_references, erp_reference) if erp_reference else self.erp_references
        order = self.model_copy(update={"lines": lines, "erp_references": references})
        if not any(line.kind == "goods" and line.open for line in lines):
            order = order.pass_gate(
                ERP, by="system:erp", at=now, evidence=erp_reference or "shipped"
            )
        fact = OrderShipped(
            **self._about(),
            lines=tuple(parts),
            progress=order._progress(),
            erp_reference=erp_reference,
            shipped_at=at,
        )
        return order, fact

    def deliver(
        self, parts: Sequence[LineQuantity], evidence: Evidence, *, at: datetime, now: datetime
    ) -> tuple[Order, list[OrderDelivered | OrderFulfilled]]:
        """Pieces reach the customer; services are shipped and delivered in one."""
        self._must_move()
        lines = ledger.deliver(ledger.ship_services(self.lines, parts), parts)
        order = self.model_copy(update={"lines": lines})
        delivered = OrderDelivered(
            **self._about(),
            lines=tuple(parts),
            progress=order._progress(),
            evidence=evidence,
            delivered_at=at,
        )
        order, finished = order._finish(by=evidence.by, at=at, now=now)
        return order, [delivered, *finished]

    def cancel(
        self, parts: Sequence[LineQuantity], *, reason: str, by: str, at: datetime
    ) -> tuple[Order, list[OrderCancelled | OrderFulfilled]]:
        """Pieces that were not shipped will not be delivered."""
        lines = ledger.cancel(self.lines, parts)
        order = self.model_copy(update={"lines": lines})
        cancelled = OrderCancelled(
            **self._about(),
            lines=tuple(parts),
            progress=order._progress(),
            reason=reason,
            cancelled_by=by,
            cancelled_at=at,
        )
        order, finished = order._finish(by=by, at=at, now=at)
        return order, [cancelled, *finished]

    def cancel_rest(
        self, *, reason: str, by: str, at: datetime
    ) -> tuple[Order, list[OrderCancelled | OrderFulfilled]]:
        """Everything that was not shipped."""
        rest = [LineQuantity(line_no=x.line_no, quantity=x.open) for x in self.lines if x.open]
        if not rest:
            raise AllDone("nothing is left that could be cancelled")
        return self.cancel(rest, reason=reason, by=by, at=at)

    def _finish(self, *, by: str, at: datetime, now: datetime) -> tuple[Order, list[Any]]:
        """When every line is done, so is the order."""
        if not all(line.done for line in self.lines):
            return self, []
        order = self.pass_every_gate(by=by, at=now, evidence="every line is done")
        fact = OrderFulfilled(**self._about(), progress=self._progress(), fulfilled_at=at)
        return order.model_copy(update={"held": None}), [fact]

    def decided(self) -> Order:
        """Billing-svc has published whether the prepayment counts."""
        return self.model_copy(update={"prepayment_pending": False, "paid_undecided": None})

    def paid(self, *, whole: bool) -> Order:
        """Whether its invoice is paid, noted until the decision on the prepayment arrives."""
        return self.model_copy(update={"paid_undecided": whole})

    def _must_move(self) -> None:
        if self.prepayment_pending:
            raise Held("billing-svc has not decided yet whether the prepayment counts")
        if self.held is not None:
            raise Held(f"the order is held: {self.held}")
        if all(line.done for line in self.lines):
            raise AllDone("every line is done")
