"""The bank's doors: lines of its statement, as JSON."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field, SkipValidation, ValidationError

from billing_svc.api.doors import MOVES_MONEY, bank
from billing_svc.commands.cash import StatementLine
from billing_svc.commands.statement import in_booking_order, lock_named, take_statement_line
from billing_svc.domain.payment import Payment
from chassis.domain import DomainError
from chassis.http import ApiModel, TransactionalRoute, Tx
from chassis.problems import FieldError, Problem, field_errors
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
    """Lines of a statement; each stands alone, a bad one keeps no other from being booked."""

    lines: list[SkipValidation[StatementForm]] = Field(min_length=1, max_length=1_000)


class LineResult(BaseModel):
    """What became of one line: booked, known or refused."""

    row: int
    """Its place in the request, from 0."""
    outcome: Literal["booked", "known", "refused"]
    bank_reference: str | None = None
    payment_id: UUID | None = None
    number: str | None = None
    new: bool = False
    unapplied: PositiveMoney | None = None
    errors: list[FieldError] = []


@router.post("/bank-statements", operation_id="bookStatement", dependencies=[MOVES_MONEY])
async def book_statement(_: bank, tx: Tx, form: StatementBatch) -> list[LineResult]:
    """Book the bank's lines, returns after payments. A line that is known already adds nothing; one
    that cannot be booked says why and keeps no other from being booked. When none can be booked,
    the answer is an error."""
    results: dict[int, LineResult] = {}
    lines: dict[int, StatementLine] = {}
    for row, given in enumerate(form.lines):
        try:
            lines[row] = StatementForm.model_validate(given).line()
        except ValidationError as error:
            results[row] = _refused(row, given, field_errors(_placed(error, row)))
    places, readable = list(lines), list(lines.values())
    await lock_named(readable, tx)
    refusals: list[DomainError] = []
    for n in in_booking_order(readable):
        row, line = places[n], readable[n]
        try:
            payment, new = await take_statement_line(line, tx)
        except DomainError as error:
            refusals.append(error)
            wrong = FieldError(pointer=f"/body/lines/{row}", detail=str(error))
            results[row] = _refused(row, line.model_dump(), [wrong])
        else:
            results[row] = _taken(row, line, payment, new=new)
    _refuse_when_nothing_is_booked(list(results.values()), refusals)
    return [results[row] for row in range(len(form.lines))]


def _placed(error: ValidationError, row: int) -> list[Any]:
    """The errors of a line, where they are in the request."""
    found = error.errors(include_url=False)[:20]
    return [{**one, "loc": ("body", "lines", row, *one["loc"])} for one in found]


def _taken(row: int, line: StatementLine, payment: Payment, *, new: bool) -> LineResult:
    return LineResult(
        row=row,
        outcome="booked" if new else "known",
        bank_reference=line.bank_reference,
        payment_id=payment.id,
        number=payment.number,
        new=new,
        unapplied=None if payment.unapplied.is_zero else payment.unapplied,
    )


def _refused(row: int, given: Any, errors: list[FieldError]) -> LineResult:
    reference = given.get("bank_reference") if isinstance(given, dict) else None
    named = reference[:140] if isinstance(reference, str) else None
    return LineResult(row=row, outcome="refused", bank_reference=named, errors=errors)


def _refuse_when_nothing_is_booked(results: list[LineResult], refusals: list[DomainError]) -> None:
    """Raise the error of the lines when every one is refused."""
    if any(result.outcome != "refused" for result in results):
        return
    if len(refusals) == len(results):
        raise refusals[0]
    found = [error for result in results for error in result.errors]
    raise Problem(422, "no line can be booked", type="invalid", errors=found)
