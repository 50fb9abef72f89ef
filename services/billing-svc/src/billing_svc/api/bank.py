"""The bank's doors: lines of its statement, as JSON."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from billing_svc.api.doors import MOVES_MONEY, bank
from billing_svc.commands.cash import StatementLine
from billing_svc.commands.statement import in_booking_order, lock_named, take_statement_line
from chassis.http import ApiModel, TransactionalRoute, Tx
from contracts.instants import PastInstant
from contracts.money import PositiveMoney
from contracts.references import Reference

router = APIRouter(route_class=TransactionalRoute, tags=["bank"])


class StatementForm(ApiModel):
    """A line of the bank's statement: money that came, or with ``returns`` money that went back."""

    bank_reference: Reference = Field(min_length=1, max_length=140)
    amount: PositiveMoney
    booked_at: PastInstant
    payer: str | None = Field(default=None, max_length=200)
    remittance: str | None = Field(default=None, max_length=500)
    returns: Reference | None = Field(
        default=None,
        min_length=1,
        max_length=140,
        description="the reference of the line whose money this one takes back, or pays back; with"
        " its source and a colon before it where several sources have it (alipay:2026…)",
    )

    def line(self) -> StatementLine:
        return StatementLine(**self.model_dump())


class StatementBatch(ApiModel):
    lines: list[StatementForm] = Field(min_length=1, max_length=1_000)


class LineResult(BaseModel):
    bank_reference: str
    payment_id: UUID
    number: str
    new: bool
    unapplied: PositiveMoney | None


@router.post("/bank-statements", operation_id="bookStatement", dependencies=[MOVES_MONEY])
async def book_statement(_: bank, tx: Tx, form: StatementBatch) -> list[LineResult]:
    """Book the bank's lines, returns after payments; a line that is known already adds nothing. One
    that contradicts what is known refuses them all."""
    lines = [line.line() for line in form.lines]
    await lock_named(lines, tx)
    results: dict[int, LineResult] = {}
    for n in in_booking_order(lines):
        payment, new = await take_statement_line(lines[n], tx)
        results[n] = LineResult(
            bank_reference=lines[n].bank_reference,
            payment_id=payment.id,
            number=payment.number,
            new=new,
            unapplied=None if payment.unapplied.is_zero else payment.unapplied,
        )
    return [results[n] for n in range(len(lines))]
