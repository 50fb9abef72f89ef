"""The bank's doors: lines of its statement, one by one or as a file."""

from __future__ import annotations

import csv
import io
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, ValidationError

from billing_svc.api.doors import MOVES_MONEY, bank
from billing_svc.commands.cash import StatementLine
from billing_svc.commands.statement import in_booking_order, lock_named, take_statement_line
from chassis.domain import DomainError
from chassis.http import ApiModel, TransactionalRoute, Tx
from chassis.problems import Problem
from contracts.instants import PastInstant
from contracts.money import PositiveMoney
from contracts.references import Reference

MOST_ROWS = 2_000
COLUMNS = ("bank_reference", "amount", "currency", "booked_at", "payer", "remittance", "returns")

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


class RefusedRow(BaseModel):
    row: int
    """In the file, the first after the heading being 1."""
    error: str


class StatementReport(BaseModel):
    """What became of a file: ``rows = booked + known + refused``."""

    rows: int
    booked: int
    known: int
    refused: list[RefusedRow]
    dry_run: bool


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


@router.post(
    "/bank-statements/file",
    operation_id="bookStatementFile",
    dependencies=[MOVES_MONEY],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"text/csv": {"schema": {"type": "string"}, "example": ",".join(COLUMNS)}},
        }
    },
)
async def book_statement_file(
    _: bank, tx: Tx, request: Request, *, dry_run: bool = False
) -> StatementReport:
    """Book a CSV file of lines. What is known adds nothing, and a row that cannot be booked says
    why and keeps no other from being booked. A dry run only tells."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "text/csv":
        raise Problem(415, f"text/csv is needed, not {kind or 'nothing named'}")
    report = StatementReport(rows=0, booked=0, known=0, refused=[], dry_run=dry_run)
    good: list[tuple[int, StatementLine]] = []
    for n, values in enumerate(rows_of(await request.body()), start=1):
        report.rows = n
        try:
            good.append((n, StatementForm.model_validate(values).line()))
        except ValidationError as error:
            report.refused.append(RefusedRow(row=n, error=told(error)))
    lines = [line for _, line in good]
    await lock_named(lines, tx)
    for n, line in (good[place] for place in in_booking_order(lines)):
        try:
            new = (await take_statement_line(line, tx))[1]
        except DomainError as error:
            report.refused.append(RefusedRow(row=n, error=str(error)))
        else:
            report.booked += new
            report.known += not new
    report.refused.sort(key=lambda refused: refused.row)
    if dry_run:
        tx.rollback_only()
    return report


def rows_of(body: bytes) -> list[dict[str, Any]]:
    """The rows of a file as the form wants them. Raises Problem for what is no such file."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problem(422, "the file is not UTF-8", type="invalid") from error
    if "\0" in text:
        raise Problem(422, "text must not contain NUL characters", type="invalid-text")
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise Problem(422, f"row {reader.line_num}: {error}", type="invalid") from error
    heading = reader.fieldnames or ()
    missing = [name for name in COLUMNS[:4] if name not in heading]
    if missing:
        raise Problem(422, f"the heading lacks {', '.join(missing)}", type="invalid")
    if len(rows) > MOST_ROWS:
        raise Problem(422, f"{len(rows)} rows; at most {MOST_ROWS} at once", type="invalid")
    return [_form(row) for row in rows]


def _form(row: dict[Any, Any]) -> dict[str, Any]:
    values = {name: text for name, text in row.items() if text}
    if {"amount", "currency"} <= values.keys():
        values["amount"] = {"amount": values.pop("amount"), "currency": values.pop("currency")}
    return {str(name): value for name, value in values.items()}


def told(error: ValidationError) -> str:
    """What is wrong with a row, field by field."""
    return "; ".join(
        f"{'.'.join(str(part) for part in e['loc'])}: {e['msg'].removeprefix('Value error, ')}"
        for e in error.errors()
    )
